// The reference evaluator: who counts as what (design §4): hostNetwork and finished pods, addresses
// and their owners, the pod itself, nodes, outside; families; pods without addresses.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/reference/endpoints.h"
#include "compiler/reference/path.h"
#include "unit/compiler/reference/ask.h"
#include "unit/compiler/support/world.h"

namespace podgate::compiler {
namespace {

using namespace test;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

World Standard() {
  World w;
  w.AddNamespace("x");
  w.AddPod("x/a", "n1", {{"app", "a"}}, {"10.0.0.1", "fd00::1"});
  w.AddPod("x/b", "n1", {{"app", "b"}}, {"10.0.0.2", "fd00::2"});
  w.AddPod("x/c", "n2", {{"app", "c"}}, {"10.0.1.3", "fd00::3"});
  w.AddPod("x/host", "n2", {{"app", "host"}}, {"192.168.0.2", "fd01::2"}).host_network = true;
  return w;
}

World Isolated() {
  World w = Standard();
  w.Ingress("x/in", {}, {});
  w.Egress("x/out", {}, {});
  return w;
}

TEST(EvaluateEnds, SelfInBothFamiliesAndByAddress) {
  ExpectAll(Isolated().cluster, {{"x/a x/a:80", true},
                                 {"x/a x/a:80 @6", true},
                                 {"x/a x/a/icmp", true},
                                 {"x/a ip:10.0.0.1:80", true},
                                 {"ip:fd00::1 x/a:80", true},
                                 {"ip:10.0.0.1 ip:10.0.0.1:80", true},
                                 {"x/a x/b:80", false}});
}

TEST(EvaluateEnds, NodeToItsPodsAndBack) {
  const World w = Isolated();
  ExpectAll(w.cluster, {{"node:n1 x/a:80", true},
                        {"node:n2 x/a:80", false},
                        {"node:n2 x/c/icmp", true},
                        {"ip:192.168.0.1 x/a:80", true},  // a node's address is the node
                        {"ip:192.168.0.2 x/a:80", false},
                        {"ip:fd01::1 x/a:80", true},
                        {"x/a node:n1:10250", true},
                        {"x/a ip:192.168.0.1:10250", true},
                        {"x/a node:n2:10250", false},
                        {"node:n1 node:n2:22", true},
                        {"node:n1 ip:192.0.2.1:22", true},
                        {"ip:192.0.2.1 node:n1:22", true},
                        {"ip:192.0.2.1 ip:192.0.2.2:22", true}});
}

TEST(EvaluateEnds, OwnNodeIsPolicedOnRequest) {
  World w = Isolated();
  const EvaluateOptions enforce{.pod_to_node_enforce = true};
  ExpectAll(w.cluster,
            {{"x/a node:n1:10250", false}, {"node:n1 x/a:80", true}, {"x/a x/a:80", true}},
            enforce);
  w.Egress("x/p", {}, {RuleOf({Block("192.168.0.1/32")}, {Port(10250)})});
  ExpectAll(
      w.cluster,
      {{"x/a node:n1:10250", true}, {"x/a node:n1:10251", false}, {"x/c node:n2:10250", false}},
      enforce);
}

TEST(EvaluateEnds, OtherNodesAreAddresses) {
  World w = Isolated();
  w.Egress("x/p", {},
           {RuleOf({Block("192.168.0.2/32")}, {}), RuleOf({NamespacesOf({})}, {Port(81)})});
  w.Ingress("x/q", {}, {RuleOf({Block("fd01::2/128")}, {})});
  ExpectAll(w.cluster, {{"x/a node:n2:80", true},
                        {"x/a node:n2:80 @6", false},
                        {"x/c node:n1:80", false},
                        {"node:n2 x/a:80 @4", false},
                        {"node:n2 x/a:80 @6", true},
                        {"x/a node:n2:81 @6", false}});  // selectors never mean nodes
}

TEST(EvaluateEnds, NodeWithoutKnownAddressMatchesWholeFamiliesOnly) {
  World w = Standard();
  w.AddPod("x/d", "other", {}, {"10.0.2.1", "fd00::21"});
  w.AddPod("x/e", "other", {}, {"10.0.2.2"});
  w.Egress("x/p", {},
           {RuleOf({Block("0.0.0.0/0")}, {Port(80)}),
            RuleOf({Block("0.0.0.0/1"), Block("128.0.0.0/1")}, {Port(81)}),
            RuleOf({Block("0.0.0.0/0", {"10.0.0.0/8"})}, {Port(82)})});
  ExpectAll(w.cluster, {{"x/a node:other:80", true},
                        {"x/a node:other:81", false},
                        {"x/a node:other:82", false},
                        {"x/a node:other:80 @6", false}});
  EXPECT_THAT(Ask(w.cluster, "x/a node:other:81").reason,
              HasSubstr("; the address of node other is not known, so only a block"));
}

TEST(EvaluateEnds, HostNetworkPodsAreTheirNode) {
  World w = Standard();
  w.Ingress("x/in", {}, {RuleOf({PodsOf({})}, {})});
  ExpectAll(w.cluster, {{"x/host x/a:80", false},          // never a peer
                        {"x/host x/c:80", true},           // node traffic to its local pod
                        {"ip:192.0.2.1 x/host:80", true},  // never selected
                        {"x/c x/host:80", true},
                        {"x/b x/a:80", true}});
  w.Egress("x/out", {}, {RuleOf({PodsOf({})}, {})});
  ExpectAll(w.cluster, {{"x/a x/host:80", false}, {"x/host ip:192.0.2.1:80", true}});
  w.Ingress("x/block", {}, {RuleOf({Block("192.168.0.2/32")}, {})});
  ExpectAll(w.cluster, {{"x/host x/a:80", true}, {"x/host x/a:80 @6", false}});
}

TEST(EvaluateEnds, AHostNetworkPodTellsItsNodesAddress) {
  World w = Standard();
  for (auto& [key, pod] : w.cluster.pods) pod.host_addresses.clear();
  EXPECT_THAT(NodeAddresses(w.cluster, "n2"), ElementsAre(At("192.168.0.2"), At("fd01::2")));
  EXPECT_THAT(NodeAddresses(w.cluster, "n1"), IsEmpty());
}

TEST(EvaluateEnds, FinishedPodsAreNotThere) {
  World w = Isolated();
  w.cluster.pods[KeyOf("x/a")].finished = true;
  w.Ingress(
      "x/p", {},
      {RuleOf({PodsOf(Select({{"app", "a"}}))}, {}), RuleOf({Block("10.0.0.1/32")}, {Port(81)})});
  EXPECT_EQ(AskError(w.cluster, "x/a x/b:80"),
            "pod x/a has completed or failed and no longer has a network; ask about a running pod");
  EXPECT_THAT(AskError(w.cluster, "x/b x/a:80"), HasSubstr("has completed or failed"));
  // Its address is an address like any other.
  ExpectAll(w.cluster, {{"ip:10.0.0.1 x/b:80", false},
                        {"ip:10.0.0.1 x/b:81", true},
                        {"ip:192.0.2.1 ip:10.0.0.1:80", true}});
}

TEST(EvaluateEnds, AsPeersNeitherOfTwoClaimantsGetsWhatOnlyTheOtherMay) {
  World w = Standard();
  w.AddPod("x/m", "n2", {{"app", "m"}, {"both", "yes"}}, {"10.0.0.9"});
  w.AddPod("x/l", "n3", {{"app", "l"}, {"both", "yes"}}, {"10.0.0.9"});
  w.Ingress("x/p", Select({{"app", "b"}}),
            {RuleOf({PodsOf(Select({{"app", "l"}}))}, {Port(80)}),
             RuleOf({PodsOf(Select({{"app", "m"}}))}, {Port(81)}),
             RuleOf({PodsOf(Select({{"both", "yes"}}))}, {Port(82)})});
  for (const char* from : {"x/m", "x/l", "ip:10.0.0.9"}) {
    EXPECT_FALSE(Ask(w.cluster, std::string(from) + " x/b:80").allowed) << from;
    EXPECT_FALSE(Ask(w.cluster, std::string(from) + " x/b:81").allowed) << from;
    EXPECT_TRUE(Ask(w.cluster, std::string(from) + " x/b:82").allowed) << from;
  }
  const FlowAnswer answer = Ask(w.cluster, "x/m x/b:82");
  ASSERT_EQ(answer.contested.size(), 1u);
  EXPECT_THAT(answer.contested[0],
              HasSubstr("address 10.0.0.9 is claimed by pods x/l (node n3) and x/m (node n2)"));
  // One of them gone, the other is itself again.
  w.cluster.pods.at({"x", "l"}).finished = true;
  ExpectAll(w.cluster, {{"x/m x/b:80", false}, {"x/m x/b:81", true}});
  EXPECT_TRUE(Ask(w.cluster, "x/m x/b:81").contested.empty());
}

TEST(EvaluateEnds, OnItsOwnNodeAPodKeepsItsAddress) {
  World w = Standard();
  w.AddPod("x/m", "n1", {{"app", "m"}}, {"10.0.0.9"});
  Pod& liar = w.AddPod("x/l", "n2", {{"app", "l"}}, {"10.0.0.9"});
  liar.created = "2030-01-01T00:00:00Z";
  w.AddPod("x/here", "n1", {{"app", "here"}}, {"10.0.0.10"});
  w.AddPod("x/there", "n3", {{"app", "there"}}, {"10.0.0.11"});
  for (const char* app : {"here", "there"}) {
    w.Ingress(std::string("x/") + app, Select({{"app", app}}),
              {RuleOf({PodsOf(Select({{"app", "m"}}))}, {})});
  }
  ExpectAll(w.cluster, {{"x/m x/here:80", true}, {"x/m x/there:80", false}});
  // Its own policies, not the liar's.
  w.Ingress("x/m", Select({{"app", "m"}}), {RuleOf({}, {Port(80)})});
  w.Ingress("x/l", Select({{"app", "l"}}), {});
  ExpectAll(w.cluster, {{"x/here x/m:80", true}, {"x/here x/m:81", false}});
}

TEST(EvaluateEnds, OfTwoOnOneNodeBothPoliciesCount) {
  World w = Standard();
  w.AddPod("x/m", "n1", {{"app", "m"}}, {"10.0.0.9"});
  w.AddPod("x/l", "n1", {{"app", "l"}}, {"10.0.0.9"});
  w.Ingress("x/m", Select({{"app", "m"}}), {RuleOf({}, {Port(80)})});
  for (const char* to : {"x/m", "x/l", "ip:10.0.0.9"}) {
    EXPECT_TRUE(Ask(w.cluster, std::string("x/b ") + to + ":80").allowed) << to;
    EXPECT_FALSE(Ask(w.cluster, std::string("x/b ") + to + ":81").allowed) << to;
  }
  w.Ingress("x/l", Select({{"app", "l"}}), {RuleOf({}, {Port(80)})});
  EXPECT_FALSE(Ask(w.cluster, "x/b x/m:80").allowed);
  EXPECT_THAT(Ask(w.cluster, "x/b x/m:80").reason,
              HasSubstr("pods x/l and x/m have one address and different policies isolate them"));
  ExpectAll(w.cluster, {{"x/m x/l:81", true}});  // an address reaches itself
}

TEST(EvaluateEnds, AFinishedPodWhoseContainersRunIsThereOnItsNode) {
  World w = Standard();
  Pod& job = w.AddPod("x/job", "n1", {{"app", "job"}}, {"10.0.0.9"});
  job.finished = job.still_running = true;
  w.AddPod("x/here", "n1", {{"app", "here"}}, {"10.0.0.10"});
  w.AddPod("x/there", "n3", {{"app", "there"}}, {"10.0.0.11"});
  for (const char* app : {"here", "there"}) {
    w.Ingress(std::string("x/") + app, Select({{"app", app}}),
              {RuleOf({PodsOf(Select({{"app", "job"}}))}, {})});
  }
  w.Ingress("x/job", Select({{"app", "job"}}), {});
  ExpectAll(w.cluster, {{"x/job x/here:80", true},
                        {"x/job x/there:80", false},
                        {"x/here x/job:80", false},
                        {"x/there x/job:80", false}});
}

TEST(EvaluateEnds, PodsWithoutAddress) {
  World w = Standard();
  w.AddPod("x/new", "n1", {{"app", "new"}}, {});
  w.AddPod("x/newer", "", {{"app", "newer"}}, {});
  w.Ingress("x/p", {},
            {RuleOf({PodsOf(Select({{"app", "new"}}))}, {Port(80)}),
             RuleOf({Block("0.0.0.0/0"), Block("::/0")}, {Port(81)})});
  ExpectAll(w.cluster, {{"x/new x/a:80", true},
                        {"x/new x/a:81", false},
                        {"x/a x/new:80", false},
                        {"x/a x/new:81", true},
                        {"x/new x/newer:80", true},
                        {"x/newer x/new:80", false},
                        {"x/new x/newer:81", false},
                        {"x/new x/new:99", true},
                        {"node:n1 x/new:99", true}});
  EXPECT_EQ(Ask(w.cluster, "x/new x/newer:80").family, std::nullopt);
  EXPECT_EQ(Ask(w.cluster, "x/new x/a:80").family, Family::kIPv4);
  EXPECT_EQ(Ask(w.cluster, "x/new x/a:80 @6").family, Family::kIPv6);
}

TEST(EvaluateEnds, Families) {
  World w = Standard();
  w.AddPod("x/four", "n1", {}, {"10.0.0.4"});
  w.AddPod("x/six", "n1", {}, {"fd00::6"});
  EXPECT_EQ(Ask(w.cluster, "x/a x/b:80").family, Family::kIPv4);
  EXPECT_EQ(Ask(w.cluster, "x/a x/b:80 @6").family, Family::kIPv6);
  EXPECT_EQ(Ask(w.cluster, "x/a x/six:80").family, Family::kIPv6);
  EXPECT_EQ(Ask(w.cluster, "node:n2 x/six:80").family, Family::kIPv6);
  EXPECT_EQ(Ask(w.cluster, "x/a ip:[2001:db8::1]:80").family, Family::kIPv6);
  EXPECT_EQ(Ask(w.cluster, "ip:fd00::1 x/b:80").family, Family::kIPv6);
  EXPECT_EQ(AskError(w.cluster, "x/four x/six:80"),
            "source and destination have no address family in common: the source has IPv4, the "
            "destination IPv6");
  EXPECT_EQ(AskError(w.cluster, "x/a x/four:80 @6"),
            "the destination has only IPv4 addresses, but IPv6 was asked for");
  EXPECT_THAT(AskError(w.cluster, "ip:10.0.0.1 x/b:80 @6"), HasSubstr("the source has only IPv4"));
  EXPECT_THAT(AskError(w.cluster, "x/a ip:[2001:db8::1]:80 @4"),
              HasSubstr("has only IPv6 addresses"));
}

TEST(EvaluateEnds, NodeObjectsTellAddresses) {
  Cluster cluster;
  cluster.nodes["n7"] = {"n7", {*Address::Parse("192.0.2.7"), *Address::Parse("fd00::7")}};
  World w;
  w.AddPod("x/a", "n1", {}, {"10.0.0.1", "fd01::1"});
  cluster.pods = w.cluster.pods;
  EXPECT_EQ(NodeAddresses(cluster, "n7").size(), 2U);
  EXPECT_EQ(Ask(cluster, "node:n7 x/a:80").family, Family::kIPv4);
  EXPECT_EQ(Ask(cluster, "node:n7 x/a:80 @6").family, Family::kIPv6);
  std::string error;
  const auto ends = ResolveEndpoints(cluster, FlowOf("x/a ip:192.0.2.7:80"), &error);
  ASSERT_TRUE(ends) << error;
  EXPECT_EQ(ends->to.kind, Endpoint::Kind::kNode);
  EXPECT_EQ(ends->to.node, "n7");
  // A Node that no pod names is known, and one address of a pod is the pod's.
  cluster.nodes["n1"] = {"n1", {*Address::Parse("10.0.0.1")}};
  EXPECT_THAT(NodeAddresses(cluster, "n1"), Not(Contains(*Address::Parse("10.0.0.1"))));
}

TEST(EvaluateEnds, UnknownEnds) {
  const World w = Standard();
  EXPECT_EQ(AskError(w.cluster, "x/nobody x/a:80"),
            "pod x/nobody is not in the input; check namespace and name");
  EXPECT_EQ(AskError(w.cluster, "x/a node:n9:80"),
            "node n9 is not in the input; did you mean n1 or n2?");
  EXPECT_EQ(AskError(Cluster(), "node:n9 node:n9:80"),
            "node n9 is not in the input, and no other node is");
  World unscheduled;
  unscheduled.AddPod("x/h", "", {}, {}).host_network = true;
  EXPECT_THAT(AskError(unscheduled.cluster, "x/h ip:192.0.2.1:80"),
              HasSubstr("is not scheduled to a node yet"));
}

// ---- the hooks that the packet meets
// -------------------------------------------------------------------

TEST(PathOf, Hops) {
  const World w = Standard();
  using nft::Hook;
  const std::pair<const char*, std::vector<Hop>> cases[] = {
      {"x/a x/b:80", {{"n1", Hook::kForward}}},
      {"x/a x/a:80", {{"n1", Hook::kForward}}},
      {"x/a x/c:80", {{"n1", Hook::kForward}, {"n2", Hook::kForward}}},
      {"x/a ip:192.0.2.1:80", {{"n1", Hook::kForward}}},
      {"ip:192.0.2.1 x/c:80", {{"n2", Hook::kForward}}},
      {"node:n1 x/a:80", {}},
      {"x/host x/c:80", {}},
      {"node:n1 x/c:80", {{"n2", Hook::kForward}}},
      {"x/a node:n1:80", {{"n1", Hook::kInput}}},
      {"x/a x/host:80", {{"n1", Hook::kForward}, {"n2", Hook::kInput}}},
      {"node:n1 node:n2:80", {{"n2", Hook::kInput}}},
      {"node:n1 node:n1:80", {}},
      {"ip:192.0.2.1 ip:192.0.2.2:80", {}},
  };
  for (const auto& [probe, hops] : cases) {
    std::string error;
    const std::optional<Path> path = PathOf(w.cluster, FlowOf(probe), &error);
    ASSERT_TRUE(path) << error;
    EXPECT_EQ(path->hops, hops) << probe;
    EXPECT_TRUE(path->packet) << probe;
  }
}

TEST(PathOf, Packets) {
  World w = Standard();
  w.AddPod("x/new", "n1", {}, {});
  std::string error;
  const nft::Packet udp = *PathOf(w.cluster, FlowOf("x/a x/c:53/udp @6"), &error)->packet;
  EXPECT_EQ(udp.source, At("fd00::1"));
  EXPECT_EQ(udp.destination, At("fd00::3"));
  EXPECT_EQ(udp.protocol, nft::kUdp);
  EXPECT_EQ(udp.destination_port, 53);
  EXPECT_EQ(udp.state, nft::Packet::State::kNew);
  const nft::Packet echo4 = *PathOf(w.cluster, FlowOf("node:n1 x/c/icmp"), &error)->packet;
  EXPECT_EQ(echo4.source, At("192.168.0.1"));
  EXPECT_EQ(echo4.protocol, nft::kIcmp);
  EXPECT_EQ(echo4.icmp_type, 8);
  const nft::Packet echo6 = *PathOf(w.cluster, FlowOf("x/a x/b/icmp @6"), &error)->packet;
  EXPECT_EQ(echo6.protocol, nft::kIcmpv6);
  EXPECT_EQ(echo6.icmp_type, 128);
  EXPECT_EQ(PathOf(w.cluster, FlowOf("x/new x/b:80"), &error)->packet, std::nullopt);
  EXPECT_EQ(PathOf(w.cluster, FlowOf("x/none x/b:80"), &error), std::nullopt);
}

TEST(Follow, StopsAtTheFirstDrop) {
  const World w = Standard();
  nft::Ruleset drop;
  nft::Rule rule;
  rule.action = nft::Verdict{nft::Verdict::Kind::kDrop, ""};
  drop.chains["c"] = {"c", nft::BaseHook{nft::Hook::kForward, -5}, {rule}, ""};
  std::string error;
  const Path path = *PathOf(w.cluster, FlowOf("x/a x/c:80"), &error);
  const auto on = [&](const char* node) {
    return Follow(path,
                  [&, node](const std::string& name) { return name == node ? &drop : nullptr; });
  };
  EXPECT_FALSE(on("n1").allowed);
  EXPECT_THAT(on("n1").trace, ElementsAre("n1 forward: c#1"));
  EXPECT_THAT(on("n2").trace, ElementsAre("n2 forward: c#1"));
  EXPECT_TRUE(on("n3").allowed);
  EXPECT_THAT(Follow(path, [&](const std::string&) { return &drop; }).trace,
              ElementsAre("n1 forward: c#1"));
}

}  // namespace
}  // namespace podgate::compiler
