// Clusters in, dumps of the IR out.
#include "compiler/ir/build_ir.h"
#include "compiler/ir/ir_dump.h"
#include "compiler/ir/owners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compiler/model/selector.h"
#include "unit/compiler/support/world.h"

namespace podgate::compiler {
namespace {

using test::Block;
using test::Both;
using test::KeyOf;
using test::Named;
using test::NamespacesOf;
using test::PodsOf;
using test::Port;
using test::Range;
using test::RuleOf;
using test::Select;
using test::Whole;
using test::World;
using testing::ElementsAre;

LabelSelector SelectBy(const std::string& key, Requirement::Operator op,
                       std::vector<std::string> values = {}) {
  LabelSelector selector{.requirements = {{.key = key, .op = op, .values = std::move(values)}}};
  Canonicalise(&selector);
  return selector;
}

// Two namespaces, two nodes; web is what most tests isolate.
World Standard() {
  World w;
  w.AddNamespace("shop", {{"team", "shop"}});
  w.AddNamespace("tools", {{"team", "tools"}});
  w.AddPod("shop/web", "n1", {{"app", "web"}}, {"10.1.0.1", "fd00::1"});
  w.AddPod("shop/db", "n2", {{"app", "db"}}, {"10.2.0.1"});
  w.AddPod("tools/scan", "n2", {{"app", "scan"}, {"tier", "x"}}, {"10.2.0.2", "fd00::22"});
  return w;
}

// The dump without its first line, "node n1".
std::string Dump(const Cluster& cluster) {
  const std::string text = DumpText(BuildIr(cluster, "n1"));
  return text.substr(text.find('\n') + 1);
}

TEST(BuildIr, NothingIsIsolatedWithoutPolicies) { EXPECT_EQ(Dump(Standard().cluster), ""); }

TEST(BuildIr, DefaultDenyIsAClassWithoutEntries) {
  World w = Standard();
  w.Ingress("shop/deny", {}, {});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 0\n"
            "class 0 ingress by shop/deny\n");
}

TEST(BuildIr, DirectionsAreApart) {
  World w = Standard();
  w.Egress("shop/out", {}, {});
  w.Ingress("shop/in", Select({{"app", "web"}}), {RuleOf({}, {})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 0, egress class 1\n"
            "class 0 ingress by shop/in\n"
            "  shop/in ingress[0]\n"
            "    from anyone\n"
            "    at anything\n"
            "class 1 egress by shop/out\n");
}

TEST(BuildIr, RulesOfADirectionThatAPolicyDoesNotIsolateCountForNothing) {
  World w = Standard();
  NetworkPolicy& policy = w.Ingress("shop/in", {}, {RuleOf({}, {})});
  policy.isolates_ingress = false;
  EXPECT_EQ(Dump(w.cluster), "");
}

TEST(BuildIr, PeersInAllTheirForms) {
  World w = Standard();
  w.Ingress("shop/p", {},
            {RuleOf({PodsOf(Select({{"app", "db"}})), PodsOf({})}, {Port(80)}),
             RuleOf({NamespacesOf(Select({{"team", "tools"}})), NamespacesOf({}),
                     Both({}, Select({{"tier", "x"}}))},
                    {Whole(Protocol::kUdp), Range(1, 5)}),
             RuleOf({Block("10.0.0.0/8", {"10.128.0.0/9", "10.64.0.0/10"}), Block("fd00::/16"),
                     Block("10.0.0.0/24", {"10.0.0.0/24"})},
                    {})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 0\n"
            "class 0 ingress by shop/p\n"
            "  shop/p ingress[0]\n"
            "    from pods app=db in namespace shop\n"
            "    from all pods in namespace shop\n"
            "    at TCP 80\n"
            "  shop/p ingress[1]\n"
            "    from all pods in namespaces team=tools\n"
            "    from all pods in all namespaces\n"
            "    from pods tier=x in all namespaces\n"
            "    at UDP\n"
            "    at TCP 1-5\n"
            "  shop/p ingress[2]\n"
            "    from addresses 10.0.0.0/10\n"
            "    from addresses fd00::/16\n"
            "    from nobody\n"
            "    at anything\n"
            "members of all pods in all namespaces\n"
            "  10.1.0.1\n"
            "  10.2.0.1\n"
            "  10.2.0.2\n"
            "  fd00::1\n"
            "  fd00::22\n"
            "members of pods tier=x in all namespaces\n"
            "  10.2.0.2\n"
            "  fd00::22\n"
            "members of all pods in namespaces team=tools\n"
            "  10.2.0.2\n"
            "  fd00::22\n"
            "members of all pods in namespace shop\n"
            "  10.1.0.1\n"
            "  10.2.0.1\n"
            "  fd00::1\n"
            "members of pods app=db in namespace shop\n"
            "  10.2.0.1\n");
}

TEST(BuildIr, PodsThatTheSamePoliciesSelectShareAClass) {
  World w = Standard();
  w.AddPod("shop/web2", "n1", {{"app", "web"}}, {"10.1.0.2"});
  w.AddPod("shop/odd", "n1", {{"app", "odd"}}, {"10.1.0.3"});
  w.Ingress("shop/a", {}, {});
  w.Ingress("shop/b", Select({{"app", "web"}}), {});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/odd at 10.1.0.3, ingress class 0\n"
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 1\n"
            "pod shop/web2 at 10.1.0.2, ingress class 1\n"
            "class 0 ingress by shop/a\n"
            "class 1 ingress by shop/a, shop/b\n");
}

TEST(BuildIr, ARepetitionInsideARuleIsOneEntry) {
  World w = Standard();
  w.Ingress("shop/p", {}, {RuleOf({PodsOf({}), PodsOf({})}, {Port(80), Port(80), Range(80, 80)})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 0\n"
            "class 0 ingress by shop/p\n"
            "  shop/p ingress[0]\n"
            "    from all pods in namespace shop\n"
            "    at TCP 80\n"
            "members of all pods in namespace shop\n"
            "  10.1.0.1\n"
            "  10.2.0.1\n"
            "  fd00::1\n");
}

TEST(BuildIr, IngressPortNamesAreResolvedOnTheDestinationAndSplitClasses) {
  World w = Standard();
  w.cluster.pods[KeyOf("shop/web")].ports = {{"http", Protocol::kTcp, 80},
                                             {"http", Protocol::kTcp, 8080},
                                             {"http", Protocol::kUdp, 81},
                                             {"other", Protocol::kTcp, 1}};
  w.AddPod("shop/web2", "n1", {{"app", "web"}}, {"10.1.0.2"}).ports = {
      {"http", Protocol::kTcp, 3000}};
  w.AddPod("shop/web3", "n1", {{"app", "web"}}, {"10.1.0.3"});
  w.Ingress("shop/p", {}, {RuleOf({}, {Named("http")}), RuleOf({}, {Port(9), Named("none")})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 1\n"
            "pod shop/web2 at 10.1.0.2, ingress class 2\n"
            "pod shop/web3 at 10.1.0.3, ingress class 0\n"
            "class 0 ingress by shop/p\n"
            "  shop/p ingress[1]\n"
            "    from anyone\n"
            "    at TCP 9\n"
            "class 1 ingress by shop/p where http=TCP 80, http=TCP 8080\n"
            "  shop/p ingress[0]\n"
            "    from anyone\n"
            "    at TCP 80\n"
            "    at TCP 8080\n"
            "  shop/p ingress[1]\n"
            "    from anyone\n"
            "    at TCP 9\n"
            "class 2 ingress by shop/p where http=TCP 3000\n"
            "  shop/p ingress[0]\n"
            "    from anyone\n"
            "    at TCP 3000\n"
            "  shop/p ingress[1]\n"
            "    from anyone\n"
            "    at TCP 9\n");
}

TEST(BuildIr, EgressPortNamesStayNamesAndOnlyThoseAskedForAreKept) {
  World w = Standard();
  w.cluster.pods[KeyOf("shop/db")].ports = {
      {"sql", Protocol::kTcp, 5432}, {"sql", Protocol::kUdp, 5433}, {"admin", Protocol::kTcp, 1}};
  w.cluster.pods[KeyOf("tools/scan")].ports = {{"sql", Protocol::kTcp, 6000}};
  w.Egress("shop/p", Select({{"app", "web"}}), {RuleOf({}, {Named("sql")})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, egress class 0\n"
            "class 0 egress by shop/p\n"
            "  shop/p egress[0]\n"
            "    to anyone\n"
            "    at TCP \"sql\"\n"
            "named ports\n"
            "  10.2.0.1 sql=TCP 5432\n"
            "  10.2.0.2 sql=TCP 6000\n"
            "  fd00::22 sql=TCP 6000\n");
}

TEST(BuildIr, BrokenRulesAllowNothing) {
  World w = Standard();
  PolicyRule no_peer;  // its peers could not be read
  no_peer.any_port = true;
  PolicyRule no_port;
  no_port.any_peer = true;
  PolicyRule odd;
  odd.any_port = true;
  odd.peers = {PolicyPeer{}};  // neither block nor selector
  PolicyPeer both = PodsOf({});
  both.block = IpBlock{test::Cidr("0.0.0.0/0"), {}};
  odd.peers.push_back(both);
  w.Ingress("shop/p", {}, {no_peer, no_port, odd, RuleOf({}, {Port(7)})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 0\n"
            "class 0 ingress by shop/p\n"
            "  shop/p ingress[3]\n"
            "    from anyone\n"
            "    at TCP 7\n");
}

TEST(BuildIr, HostNetworkAndFinishedPodsAreNeitherSubjectsNorPeers) {
  World w = Standard();
  w.AddPod("shop/agent", "n1", {}, {"192.168.0.1"}).host_network = true;
  w.AddPod("shop/job", "n1", {}, {"10.1.0.9"}).finished = true;
  w.Ingress("shop/p", {}, {RuleOf({PodsOf({})}, {})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 0\n"
            "class 0 ingress by shop/p\n"
            "  shop/p ingress[0]\n"
            "    from all pods in namespace shop\n"
            "    at anything\n"
            "members of all pods in namespace shop\n"
            "  10.1.0.1\n"
            "  10.2.0.1\n"
            "  fd00::1\n");
}

TEST(BuildIr, PodsWithoutAddressAreNamed) {
  World w = Standard();
  w.AddPod("shop/new", "n1", {}, {});
  w.AddPod("tools/new", "n1", {}, {});  // no policy isolates it, yet it is left out of peers
  w.Ingress("shop/deny", {}, {});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 0\n"
            "class 0 ingress by shop/deny\n"
            "without address shop/new\n"
            "without address tools/new\n");
}

// The pods that the rules of n1 take for the address's owners, by key.
std::vector<std::string> OwnersAt(const World& w, const char* address) {
  std::vector<std::string> names;
  const auto owners = OwnersOfClaimedTwice(PodsThere(w.cluster, "n1"), "n1");
  const auto found = owners.find(test::At(address));
  if (found == owners.end()) {
    for (const auto& [key, pod] : w.cluster.pods)
      if (IsThere(pod, "n1") &&
          std::count(pod.addresses.begin(), pod.addresses.end(), test::At(address)) != 0)
        names.push_back(key.ToString());
    EXPECT_LE(names.size(), 1U);  // else the map has to tell
    return names;
  }
  names.push_back(found->second.first->key.ToString());
  for (const Pod* other : found->second.others) names.push_back(other->key.ToString());
  return names;
}

TEST(Owners, OfAnAddressAreThePodsOfTheNodeElseAll) {
  World w;
  w.AddPod("a/x", "n2", {}, {"10.0.0.1"});
  w.AddPod("a/y", "n3", {}, {"10.0.0.1"});
  EXPECT_THAT(OwnersAt(w, "10.0.0.1"), ElementsAre("a/x", "a/y"));
  w.AddPod("a/xx", "n1", {}, {"10.0.0.1"});
  EXPECT_THAT(OwnersAt(w, "10.0.0.1"), ElementsAre("a/xx"));
  w.AddPod("a/z", "n1", {}, {"10.0.0.1"});
  EXPECT_THAT(OwnersAt(w, "10.0.0.1"), ElementsAre("a/xx", "a/z"));
  w.cluster.pods[KeyOf("a/xx")].host_network = true;
  EXPECT_THAT(OwnersAt(w, "10.0.0.1"), ElementsAre("a/z"));
  w.cluster.pods[KeyOf("a/z")].finished = true;
  EXPECT_THAT(OwnersAt(w, "10.0.0.1"), ElementsAre("a/x", "a/y"));
}

TEST(Owners, AFinishedPodWhoseContainersRunIsThereOnItsOwnNode) {
  World w;
  Pod& here = w.AddPod("a/here", "n1", {}, {"10.0.0.1"});
  Pod& there = w.AddPod("a/there", "n2", {}, {"10.0.0.2"});
  here.finished = here.still_running = there.finished = there.still_running = true;
  EXPECT_THAT(OwnersAt(w, "10.0.0.1"), ElementsAre("a/here"));
  EXPECT_THAT(OwnersAt(w, "10.0.0.2"), ElementsAre());
}

TEST(BuildIr, APodKeepsItsAddressWhateverPodsOfOtherNodesClaim) {
  World w = Standard();
  Pod& liar = w.AddPod("tools/liar", "n2", {{"app", "next"}}, {"10.1.0.1"});
  liar.created = "2030-01-01T00:00:00Z";
  w.Ingress("shop/p", {}, {RuleOf({PodsOf({})}, {})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 0\n"
            "class 0 ingress by shop/p\n"
            "  shop/p ingress[0]\n"
            "    from all pods in namespace shop\n"
            "    at anything\n"
            "members of all pods in namespace shop\n"
            "  10.1.0.1\n"
            "  10.2.0.1\n"
            "  fd00::1\n");
}

TEST(BuildIr, AnAddressOfTwoLocalPodsIsIsolatedIfEitherIs) {
  World w = Standard();
  w.AddPod("tools/next", "n1", {{"app", "next"}}, {"10.1.0.1"});
  w.Ingress("shop/p", {}, {RuleOf({PodsOf({}), NamespacesOf({})}, {})});
  // As a member of what selects one of them alone it is left out.
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at fd00::1, ingress class 0\n"
            "address 10.1.0.1 of shop/web and tools/next, ingress class 0\n"
            "class 0 ingress by shop/p\n"
            "  shop/p ingress[0]\n"
            "    from all pods in namespace shop\n"
            "    from all pods in all namespaces\n"
            "    at anything\n"
            "members of all pods in all namespaces\n"
            "  10.1.0.1\n"
            "  10.2.0.1\n"
            "  10.2.0.2\n"
            "  fd00::1\n"
            "  fd00::22\n"
            "members of all pods in namespace shop\n"
            "  10.2.0.1\n"
            "  fd00::1\n");
}

TEST(BuildIr, WhereTheirPoliciesDifferNothingIsAllowed) {
  World w = Standard();
  w.AddPod("tools/next", "n1", {{"app", "next"}}, {"10.1.0.1"});
  w.Ingress("shop/p", {}, {RuleOf({}, {})});
  w.Ingress("tools/q", {}, {RuleOf({}, {})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at fd00::1, ingress class 0\n"
            "address 10.1.0.1 of shop/web and tools/next, ingress class 1\n"
            "class 0 ingress by shop/p\n"
            "  shop/p ingress[0]\n"
            "    from anyone\n"
            "    at anything\n"
            "class 1 ingress by shop/p, tools/q\n"
            "  nothing allowed: pods with one address, isolated differently\n");
}

// Fail closed: whoever is in a namespace that is not known is in none that a selector matches, and
// is still isolated by the policies there.
TEST(BuildIr, UnknownNamespacesAreMatchedByNoSelector) {
  World w = Standard();
  w.cluster.namespaces.erase("tools");
  w.cluster.namespaces.erase("shop");
  w.Ingress("shop/p", {},
            {RuleOf({NamespacesOf({}),
                     NamespacesOf(SelectBy("team", Requirement::Operator::kNotIn, {"x"})),
                     NamespacesOf(SelectBy("team", Requirement::Operator::kDoesNotExist)),
                     PodsOf(Select({{"app", "db"}}))},
                    {})});
  EXPECT_EQ(Dump(w.cluster),
            "pod shop/web at 10.1.0.1, fd00::1, ingress class 0\n"
            "class 0 ingress by shop/p\n"
            "  shop/p ingress[0]\n"
            "    from all pods in all namespaces\n"
            "    from all pods in namespaces team!=x\n"
            "    from all pods in namespaces !team\n"
            "    from pods app=db in namespace shop\n"
            "    at anything\n"
            "members of all pods in all namespaces\n"
            "members of all pods in namespaces team!=x\n"
            "members of all pods in namespaces !team\n"
            "members of pods app=db in namespace shop\n"
            "  10.2.0.1\n");
}

// The members that an index finds are those that asking every pod finds.
TEST(BuildIr, SelectorsOfPeers) {
  World w;
  w.AddNamespace("a", {{"env", "dev"}});
  w.AddNamespace("b", {{"env", "prod"}, {"team", "x"}});
  w.AddNamespace("c");
  w.AddPod("a/target", "n1", {}, {"10.0.0.1"});
  w.AddPod("a/web", "n2", {{"app", "web"}, {"tier", "front"}}, {"10.0.0.2"});
  w.AddPod("b/web", "n2", {{"app", "web"}}, {"10.0.0.3"});
  w.AddPod("b/db", "n2", {{"app", "db"}, {"tier", "back"}}, {"10.0.0.4"});
  w.AddPod("c/none", "n2", {}, {"10.0.0.5"});
  using Op = Requirement::Operator;
  const struct {
    PolicyPeer peer;
    std::vector<std::string> members;
  } cases[] = {
      {PodsOf(Select({{"app", "web"}})), {"10.0.0.2"}},
      {PodsOf({}), {"10.0.0.1", "10.0.0.2"}},
      {Both({}, Select({{"app", "web"}})), {"10.0.0.2", "10.0.0.3"}},
      {Both({}, SelectBy("app", Op::kIn, {"web", "db"})), {"10.0.0.2", "10.0.0.3", "10.0.0.4"}},
      {Both({}, SelectBy("app", Op::kIn, {"none"})), {}},
      {Both({}, SelectBy("app", Op::kNotIn, {"web"})), {"10.0.0.1", "10.0.0.4", "10.0.0.5"}},
      {Both({}, SelectBy("tier", Op::kExists)), {"10.0.0.2", "10.0.0.4"}},
      {Both({}, SelectBy("tier", Op::kDoesNotExist)), {"10.0.0.1", "10.0.0.3", "10.0.0.5"}},
      {Both({}, Select({{"app", "web"}, {"tier", "front"}})), {"10.0.0.2"}},
      {NamespacesOf(Select({{"env", "prod"}})), {"10.0.0.3", "10.0.0.4"}},
      {NamespacesOf(SelectBy("env", Op::kNotIn, {"prod"})), {"10.0.0.1", "10.0.0.2", "10.0.0.5"}},
      {NamespacesOf(SelectBy("env", Op::kDoesNotExist)), {"10.0.0.5"}},
      {Both(SelectBy("team", Op::kExists), Select({{"app", "db"}})), {"10.0.0.4"}},
  };
  for (const auto& c : cases) {
    w.Ingress("a/p", Select({}), {RuleOf({c.peer}, {})});
    const NodeIr ir = BuildIr(w.cluster, "n1");
    ASSERT_EQ(ir.members.size(), 1u);
    std::vector<std::string> members;
    for (const Address& address : ir.members.begin()->second) members.push_back(address.ToString());
    EXPECT_EQ(members, c.members) << ir.members.begin()->first.ToString();
  }
}

TEST(BuildIr, OnlyPoliciesThatSelectALocalPodCount) {
  World w = Standard();
  w.Ingress("shop/db", Select({{"app", "db"}}), {RuleOf({PodsOf({})}, {})});
  w.Ingress("tools/all", {}, {RuleOf({PodsOf({})}, {})});
  EXPECT_EQ(Dump(w.cluster), "");
}

TEST(DumpJson, SaysTheSame) {
  World w = Standard();
  w.AddPod("shop/new", "n1", {}, {});
  w.Ingress("shop/p", {},
            {RuleOf({PodsOf({})}, {Port(80), Range(1, 2)}),
             RuleOf({Block("10.0.0.0/8")}, {Whole(Protocol::kSctp)})});
  w.Egress("shop/q", {}, {RuleOf({}, {Named("sql")})});
  w.cluster.pods[KeyOf("shop/db")].ports = {{"sql", Protocol::kTcp, 5432}};
  const auto json = nlohmann::json::parse(DumpJson(BuildIr(w.cluster, "n1")));
  const auto expected = nlohmann::json::parse(R"({
    "apiVersion": "podgate/v1", "kind": "NodeIR", "node": "n1",
    "pods": [{"namespace": "shop", "name": "web", "addresses": ["10.1.0.1", "fd00::1"],
              "ingressClass": 0, "egressClass": 1}],
    "sharedAddresses": [],
    "classes": [
      {"direction": "ingress", "policies": ["shop/p"], "resolvedPorts": [], "entries": [
        {"policy": "shop/p", "direction": "ingress", "index": 0,
         "peers": [{"kind": "pods", "term": "all pods in namespace shop", "namespace": "shop",
                    "podSelector": ""}],
         "ports": [{"kind": "range", "protocol": "TCP", "first": 80, "last": 80},
                   {"kind": "range", "protocol": "TCP", "first": 1, "last": 2}]},
        {"policy": "shop/p", "direction": "ingress", "index": 1,
         "peers": [{"kind": "block", "prefixes": ["10.0.0.0/8"]}],
         "ports": [{"kind": "protocol", "protocol": "SCTP"}]}]},
      {"direction": "egress", "policies": ["shop/q"], "resolvedPorts": [], "entries": [
        {"policy": "shop/q", "direction": "egress", "index": 0, "peers": [{"kind": "any"}],
         "ports": [{"kind": "named", "protocol": "TCP", "name": "sql"}]}]}],
    "members": {"all pods in namespace shop": ["10.1.0.1", "10.2.0.1", "fd00::1"]},
    "namedPorts": {"10.2.0.1": [{"name": "sql", "protocol": "TCP", "port": 5432}]},
    "withoutAddress": ["shop/new"]})");
  EXPECT_EQ(json, expected) << json.dump(2);
}

TEST(DumpJson, BytesThatAreNoTextDoNotStopIt) {
  World w = Standard();
  w.Ingress("shop/\xff\xfe", {}, {});
  EXPECT_FALSE(nlohmann::json::parse(DumpJson(BuildIr(w.cluster, "n1"))).is_null());
}

}  // namespace
}  // namespace podgate::compiler
