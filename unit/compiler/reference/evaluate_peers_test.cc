// The reference evaluator: which peers a rule means (selectors, blocks), and how policies add up.

#include <gtest/gtest.h>

#include "unit/compiler/reference/ask.h"
#include "unit/compiler/support/world.h"

namespace podgate::compiler {
namespace {

using namespace test;
using Op = Requirement::Operator;

// Two namespaces of two pods each; dual stack; all on one node but y/b.
World Standard() {
  World w;
  w.AddNamespace("x", {{"team", "red"}});
  w.AddNamespace("y", {{"team", "blue"}, {"zone", "1"}});
  w.AddPod("x/a", "n1", {{"app", "a"}}, {"10.0.0.1", "fd00::1"});
  w.AddPod("x/b", "n1", {{"app", "b"}, {"tier", "db"}}, {"10.0.0.2", "fd00::2"});
  w.AddPod("y/a", "n1", {{"app", "a"}}, {"10.0.0.3", "fd00::3"});
  w.AddPod("y/b", "n2", {{"app", "b"}}, {"10.0.1.4", "fd00::4"});
  return w;
}

TEST(EvaluatePeers, WithoutPoliciesEverythingIsAllowed) {
  const World w = Standard();
  ExpectAll(w.cluster, {{"x/a x/b:80", true},
                        {"x/a y/b:1/sctp", true},
                        {"ip:192.0.2.1 x/a/icmp", true},
                        {"x/a ip:192.0.2.1:53/udp", true}});
  const FlowAnswer verdict = Ask(w.cluster, "x/a x/b:80");
  EXPECT_FALSE(verdict.egress.applies);
  EXPECT_FALSE(verdict.ingress.applies);
}

TEST(EvaluatePeers, IsolationIsForOneDirection) {
  World w = Standard();
  w.Ingress("x/in", Select({{"app", "a"}}), {});
  ExpectAll(w.cluster, {{"x/b x/a:80", false}, {"x/a x/b:80", true}, {"y/b y/a:80", true}});
  w.cluster.policies.clear();
  w.Egress("x/out", Select({{"app", "a"}}), {});
  ExpectAll(w.cluster,
            {{"x/b x/a:80", true}, {"x/a x/b:80", false}, {"x/a ip:192.0.2.1:80", false}});
}

TEST(EvaluatePeers, BothSidesMustAllow) {
  World w = Standard();
  w.Egress("x/out", Select({{"app", "a"}}), {RuleOf({PodsOf({})}, {})});
  w.Ingress("x/in", Select({{"app", "b"}}), {RuleOf({}, {Port(80)})});
  ExpectAll(w.cluster, {{"x/a x/b:80", true}, {"x/a x/b:81", false}, {"x/a y/b:80", false}});
}

// A peer's absent selector is not an empty one.
TEST(EvaluatePeers, SelectorForms) {
  struct Case {
    const char* name;
    PolicyPeer peer;
    bool xb, ya, yb;
  };
  const LabelSelector all;
  const Case cases[] = {
      {"pods only: of the policy's namespace", PodsOf(all), true, false, false},
      {"pods only, by label", PodsOf(Select({{"app", "b"}})), true, false, false},
      {"pods only, no match", PodsOf(Select({{"app", "c"}})), false, false, false},
      {"namespaces only: all of their pods", NamespacesOf(Select({{"team", "blue"}})), false, true,
       true},
      {"all namespaces", NamespacesOf(all), true, true, true},
      {"no such namespace", NamespacesOf(Select({{"team", "green"}})), false, false, false},
      {"both", Both(Select({{"team", "blue"}}), Select({{"app", "b"}})), false, false, true},
      {"both, all namespaces", Both(all, Select({{"app", "b"}})), true, false, true},
      {"two labels are ANDed", PodsOf(Select({{"app", "b"}, {"tier", "db"}})), true, false, false},
      {"two labels, one differs", PodsOf(Select({{"app", "b"}, {"tier", "web"}})), false, false,
       false},
      {"two namespace labels", NamespacesOf(Select({{"team", "blue"}, {"zone", "2"}})), false,
       false, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    World w = Standard();
    w.Ingress("x/p", Select({{"app", "a"}}), {RuleOf({c.peer}, {})});
    ExpectAll(w.cluster, {{"x/b x/a:80", c.xb}, {"y/a x/a:80", c.ya}, {"y/b x/a:80", c.yb}});
    w.cluster.policies.clear();
    w.Egress("x/p", Select({{"app", "a"}}), {RuleOf({c.peer}, {})});
    ExpectAll(w.cluster, {{"x/a x/b:80", c.xb}, {"x/a y/a:80", c.ya}, {"x/a y/b:80", c.yb}});
  }
}

TEST(EvaluatePeers, Operators) {
  struct Case {
    Requirement requirement;
    bool same, other, absent;  // tier=db, tier=web, no tier
  };
  const Case cases[] = {
      {{"tier", Op::kIn, {"db"}}, true, false, false},
      {{"tier", Op::kIn, {"db", "web"}}, true, true, false},
      {{"tier", Op::kNotIn, {"db"}}, false, true, true},
      {{"tier", Op::kNotIn, {"db", "web"}}, false, false, true},
      {{"tier", Op::kExists, {}}, true, true, false},
      {{"tier", Op::kDoesNotExist, {}}, false, false, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(static_cast<int>(c.requirement.op));
    World w;
    w.AddNamespace("x");
    w.AddPod("x/target", "n1", {}, {"10.0.0.9"});
    w.AddPod("x/same", "n1", {{"tier", "db"}}, {"10.0.0.1"});
    w.AddPod("x/other", "n1", {{"tier", "web"}}, {"10.0.0.2"});
    w.AddPod("x/absent", "n1", {{"app", "db"}}, {"10.0.0.3"});
    w.Ingress("x/p", {}, {RuleOf({PodsOf(LabelSelector{{c.requirement}})}, {})});
    ExpectAll(w.cluster, {{"x/same x/target:80", c.same},
                          {"x/other x/target:80", c.other},
                          {"x/absent x/target:80", c.absent}});
    // The same selector, saying whom the policy isolates.
    w.cluster.policies.clear();
    w.Ingress("x/p", LabelSelector{{c.requirement}}, {});
    ExpectAll(w.cluster, {{"x/target x/same:80", !c.same},
                          {"x/target x/other:80", !c.other},
                          {"x/same x/absent:80", !c.absent}});
  }
}

TEST(EvaluatePeers, RulesAndPoliciesAddUp) {
  World w = Standard();
  w.Ingress("x/deny", {}, {});
  w.Ingress("x/p", Select({{"app", "a"}}),
            {RuleOf({PodsOf(Select({{"app", "b"}}))}, {Port(80)}),
             RuleOf({NamespacesOf({})}, {Port(81)})});
  w.Ingress("x/q", {}, {RuleOf({}, {Port(82)})});
  w.Ingress("y/r", {}, {RuleOf({}, {Port(83)})});  // another namespace: does not count here
  ExpectAll(w.cluster, {{"x/b x/a:80", true},
                        {"y/b x/a:80", false},
                        {"y/b x/a:81", true},
                        {"ip:192.0.2.1 x/a:81", false},
                        {"ip:192.0.2.1 x/a:82", true},
                        {"x/b x/a:83", false}});
}

TEST(EvaluatePeers, NothingReadableAllowsNothing) {
  World w = Standard();
  PolicyRule no_peer;
  no_peer.any_port = true;
  PolicyRule no_port;
  no_port.any_peer = true;
  NetworkPolicy& policy = w.Ingress("x/p", {}, {no_peer, no_port, RuleOf({}, {Port(80)})});
  policy.errors.push_back({});
  ExpectAll(w.cluster, {{"x/b x/a:81", false}, {"x/b x/a:80", true}, {"x/b x/a/icmp", false}});
}

TEST(EvaluatePeers, BlocksMatchPodsAndOutside) {
  World w = Standard();
  w.Ingress("x/p", Select({{"app", "a"}}),
            {RuleOf({Block("10.0.1.0/24"), Block("192.0.2.0/24", {"192.0.2.128/25"})}, {})});
  ExpectAll(w.cluster, {{"y/b x/a:80", true},  // a pod's own address
                        {"x/b x/a:80", false},
                        {"ip:192.0.2.127 x/a:80", true},
                        {"ip:192.0.2.128 x/a:80", false},
                        {"ip:192.0.3.0 x/a:80", false},
                        {"y/b x/a:80 @6", false}});  // families never mix
}

TEST(EvaluatePeers, ExceptNarrowsOnlyItsOwnBlock) {
  World w = Standard();
  w.Egress("x/p", Select({{"app", "a"}}),
           {RuleOf({Block("10.0.0.0/8", {"10.0.1.0/24"}), Block("10.0.1.4/32")}, {Port(80)}),
            RuleOf({Block("10.0.0.0/8", {"10.0.0.0/9"})}, {}),
            RuleOf({Both(Select({{"team", "blue"}}), {})}, {Port(81)})});
  ExpectAll(w.cluster, {{"x/a y/b:80", true},  // another block of the same rule
                        {"x/a ip:10.0.1.5:80", false},
                        {"x/a y/a:80", true},
                        {"x/a y/b:81", true},  // a selector of another rule
                        {"x/a ip:10.128.0.1:9", true},
                        {"x/a ip:10.1.0.1:9", false}});
}

TEST(EvaluatePeers, WholeFamilies) {
  World w = Standard();
  w.Egress("x/p", Select({{"app", "a"}}),
           {RuleOf({Block("0.0.0.0/0")}, {Port(4)}), RuleOf({Block("::/0")}, {Port(6)}),
            RuleOf({Block("::/0", {"fd00::/8"})}, {Port(66)})});
  ExpectAll(w.cluster, {{"x/a x/b:4 @4", true},
                        {"x/a x/b:4 @6", false},
                        {"x/a x/b:6 @4", false},
                        {"x/a x/b:6 @6", true},
                        {"x/a x/b:66 @6", false},
                        {"x/a ip:[2001:db8::1]:66", true},
                        {"x/a ip:255.255.255.255:4", true},
                        {"x/a ip:0.0.0.0:4", true}});
}

TEST(EvaluatePeers, OddExceptsOfAnotherFamilyOrOutsideChangeNothing) {
  World w = Standard();
  w.Ingress("x/p", {}, {RuleOf({Block("10.0.0.0/24", {"::/0", "192.0.2.0/24"})}, {})});
  ExpectAll(w.cluster, {{"y/a x/a:80", true}, {"y/b x/a:80", false}});
}

TEST(EvaluatePeers, UnknownNamespaceIsSelectedByNothing) {
  World w = Standard();
  w.cluster.namespaces.erase("y");
  w.Ingress("x/p", {}, {RuleOf({NamespacesOf({})}, {})});
  ExpectAll(w.cluster, {{"x/b x/a:80", true}, {"y/a x/a:80", false}});
  // A peer without namespaceSelector means the policy's namespace by name.
  w.Ingress("y/p", {}, {RuleOf({PodsOf({})}, {})});
  ExpectAll(w.cluster, {{"y/a y/b:80", true}, {"x/a y/b:80", false}});
}

}  // namespace
}  // namespace podgate::compiler
