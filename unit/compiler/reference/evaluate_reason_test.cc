// The reference evaluator's sentences, to the letter.

#include <gtest/gtest.h>

#include "unit/compiler/reference/ask.h"
#include "unit/compiler/support/world.h"

namespace podgate::compiler {
namespace {

using namespace test;
using Op = Requirement::Operator;

World Standard() {
  World w;
  w.AddNamespace("x", {{"team", "red"}});
  w.AddNamespace("y", {{"team", "blue"}});
  w.AddPod("x/a", "n1", {{"app", "a"}}, {"10.0.0.1", "fd00::1"});
  w.AddPod("x/b", "n1", {{"app", "b"}}, {"10.0.0.2", "fd00::2"}).ports = {
      {"web", Protocol::kTcp, 8080}};
  w.AddPod("y/c", "n2", {{"app", "c"}}, {"10.0.1.3", "fd00::3"});
  w.AddPod("y/host", "n2", {}, {"192.168.0.2"}).host_network = true;
  return w;
}

void ExpectReason(const World& w, const char* probe, const char* reason) {
  EXPECT_EQ(Ask(w.cluster, probe).reason, reason) << probe;
}

TEST(EvaluateReason, NoPolicy) {
  const World w = Standard();
  ExpectReason(w, "x/a x/b:80",
               "no policy isolates pod x/a for egress, and no policy isolates pod x/b for ingress");
  ExpectReason(w, "x/a ip:192.0.2.1:80", "no policy isolates pod x/a for egress");
  ExpectReason(w, "ip:192.0.2.1 x/b:80", "no policy isolates pod x/b for ingress");
  EXPECT_EQ(Ask(w.cluster, "ip:192.0.2.1 x/b:80").egress.reason,
            "no policy applies to egress of 192.0.2.1");
}

TEST(EvaluateReason, Exemptions) {
  World w = Standard();
  w.Ingress("x/in", {}, {});
  ExpectReason(w, "x/a x/a:80", "pod x/a always reaches itself");
  ExpectReason(w, "node:n1 x/a:80", "node n1 always reaches its own pods");
  ExpectReason(w, "y/host y/c:80",
               "y/host uses the network of node n2; a node always reaches its own pods");
  ExpectReason(w, "x/a node:n1:80", "pod x/a always reaches its own node, n1");
  w.AddPod("x/agent", "n1", {}, {"192.168.0.1"}).host_network = true;
  ExpectReason(w, "x/a x/agent:80",
               "x/agent uses the network of node n1; a pod always reaches its own node");
  ExpectReason(w, "node:n1 node:n2:80",
               "neither node n1 nor node n2 is in the pod network, so no policy applies");
  ExpectReason(w, "y/host ip:192.0.2.1:80",
               "neither node n2 (whose network y/host uses) nor 192.0.2.1 is in the pod "
               "network, so no policy applies");
  ExpectReason(w, "ip:192.0.2.1 ip:192.0.2.2:80",
               "no pod of the input has these addresses (192.0.2.1 and 192.0.2.2), so no policy "
               "applies");
  const FlowAnswer self = Ask(w.cluster, "x/a x/a:80");
  EXPECT_TRUE(self.ingress.applies);
  EXPECT_TRUE(self.ingress.allowed);
  EXPECT_EQ(self.ingress.isolating, std::vector<ObjectKey>{KeyOf("x/in")});
}

TEST(EvaluateReason, AllowNamesPolicyRulePortAndPeer) {
  World w = Standard();
  w.Ingress(
      "x/web", Select({{"app", "b"}}),
      {RuleOf({PodsOf(Select({{"app", "z"}}))}, {}),
       RuleOf({Block("192.0.2.0/24"), PodsOf(Select({{"app", "a"}}))}, {Port(443), Port(80)})});
  ExpectReason(w, "x/a x/b:80",
               "no policy isolates pod x/a for egress, and x/web ingress[1] allows TCP 80 from "
               "pods app=a of namespace x");
  const SideAnswer side = Ask(w.cluster, "x/a x/b:80").ingress;
  EXPECT_EQ(side.policy, KeyOf("x/web"));
  EXPECT_EQ(side.rule, 1u);
  ExpectReason(w, "ip:192.0.2.9 x/b:443", "x/web ingress[1] allows TCP 443 from 192.0.2.0/24");

  w.Egress("x/out", Select({{"app", "a"}}),
           {RuleOf({}, {Whole(Protocol::kUdp), Range(80, 90), Named("web")})});
  ExpectReason(w, "x/a ip:192.0.2.9:53/udp", "x/out egress[0] allows every UDP port to everywhere");
  ExpectReason(w, "x/a y/c:85",
               "x/out egress[0] allows TCP 80-90 to everywhere, and no policy isolates pod y/c "
               "for ingress");
  w.Ingress("x/any", Select({{"app", "b"}}), {RuleOf({}, {})});
  ExpectReason(w, "x/a x/b:8080",
               "x/out egress[0] allows TCP port \"web\" (8080 on pod x/b) to everywhere, and "
               "x/any ingress[0] allows every port from anywhere");
}

TEST(EvaluateReason, DenyNamesTheNearestMiss) {
  World w = Standard();
  NetworkPolicy& web =
      w.Ingress("x/web", Select({{"app", "b"}}),
                {RuleOf({PodsOf(Select({{"app", "z"}}))}, {Port(80)}),
                 RuleOf({PodsOf(Select({{"app", "a"}}))}, {Port(53, Protocol::kUdp)}),
                 RuleOf({PodsOf(Select({{"app", "a"}}))}, {Port(443)})});
  // The peer and the protocol are right: nearest.
  ExpectReason(w, "x/a x/b:80",
               "pod x/b is isolated for ingress by policy x/web: x/web ingress[2] allows TCP "
               "443, not TCP 80");
  // The port is right, the peer is not.
  ExpectReason(w, "y/c x/b:80",
               "pod x/b is isolated for ingress by policy x/web: x/web ingress[0] allows pods "
               "app=z of namespace x, not pod y/c");
  // Neither.
  ExpectReason(w, "y/c x/b:22",
               "pod x/b is isolated for ingress by policy x/web: x/web ingress[0] allows TCP 80 "
               "from pods app=z of namespace x, not TCP 22 from pod y/c");
  ExpectReason(w, "x/a x/b/icmp",
               "pod x/b is isolated for ingress by policy x/web: x/web ingress[1] allows UDP "
               "53, not ICMP echo (which only a rule without ports allows)");
  // Rules keep the API's numbers when an unreadable one is left out.
  web.ingress.erase(web.ingress.begin());
  web.errors.push_back({});
  ExpectReason(w, "x/a x/b:80",
               "pod x/b is isolated for ingress by policy x/web: x/web ingress[2] allows TCP "
               "443, not TCP 80; the unreadable parts of policy x/web allow nothing");
}

TEST(EvaluateReason, DenyWithoutRules) {
  World w = Standard();
  w.Ingress("x/deny", {}, {});
  ExpectReason(w, "y/c x/b:80",
               "pod x/b is isolated for ingress by policy x/deny, which has no ingress rule");
  w.Ingress("x/deny2", {}, {});
  ExpectReason(
      w, "y/c x/b:80",
      "pod x/b is isolated for ingress by policies x/deny and x/deny2, which have no ingress rule");
  for (const char* key : {"x/deny3", "x/deny4", "x/deny5", "x/deny6"}) w.Ingress(key, {}, {});
  ExpectReason(w, "y/c x/b:80",
               "pod x/b is isolated for ingress by policies x/deny, x/deny2, x/deny3 and 3 "
               "more, which have no ingress rule");
  w.cluster.policies.clear();
  w.Egress("x/broken", {}, {}).errors.push_back({});
  ExpectReason(w, "x/a y/c:80",
               "pod x/a is isolated for egress by policy x/broken, which has no readable egress "
               "rule; the unreadable parts of policy x/broken allow nothing");
}

TEST(EvaluateReason, DenyOfBlocksNodesAndNames) {
  World w = Standard();
  w.Egress("x/out", {},
           {RuleOf({Block("10.0.0.0/8", {"10.0.1.0/24"}), Both(Select({{"team", "red"}}), {})},
                   {Port(80)}),
            RuleOf({NamespacesOf({})}, {Named("web")})});
  ExpectReason(w, "x/a y/c:80",
               "pod x/a is isolated for egress by policy x/out: x/out egress[1] allows TCP port "
               "\"web\" (which pod y/c does not have), not TCP 80");
  ExpectReason(w, "x/a ip:10.0.1.9:80",
               "pod x/a is isolated for egress by policy x/out: x/out egress[0] allows "
               "10.0.0.0/8 except 10.0.1.0/24 or all pods of namespaces team=red, not 10.0.1.9");
  ExpectReason(w, "x/a y/host:80",
               "pod x/a is isolated for egress by policy x/out: x/out egress[0] allows "
               "10.0.0.0/8 except 10.0.1.0/24 or all pods of namespaces team=red, not node n2 "
               "(whose network y/host uses) at 192.168.0.2");
  w.cluster.policies.clear();
  w.Egress("x/out", {}, {RuleOf({}, {Named("web")})});
  ExpectReason(w, "x/a ip:192.0.2.1:80",
               "pod x/a is isolated for egress by policy x/out: x/out egress[0] allows TCP port "
               "\"web\" (which only pods have), not TCP 80");
}

TEST(EvaluateReason, TheFirstSideThatDeniesDecides) {
  World w = Standard();
  w.Egress("x/out", {}, {});
  w.Ingress("x/in", {}, {});
  const FlowAnswer answer = Ask(w.cluster, "x/a x/b:80");
  EXPECT_EQ(answer.reason,
            "pod x/a is isolated for egress by policy x/out, which has no egress rule");
  EXPECT_FALSE(answer.ingress.allowed);
  EXPECT_EQ(answer.ingress.reason,
            "pod x/b is isolated for ingress by policy x/in, which has no ingress rule");
}

TEST(EvaluateReason, SelectorsReadLikeKubectl) {
  World w = Standard();
  const LabelSelector odd{{{"a", Op::kExists, {}},
                           {"b", Op::kDoesNotExist, {}},
                           {"c", Op::kIn, {"1", "2"}},
                           {"d", Op::kNotIn, {"3"}},
                           {"e", Op::kNotIn, {"4", "5"}}}};
  w.Ingress("x/p", {}, {RuleOf({Both(odd, Select({{"f", "6"}}))}, {})});
  ExpectReason(w, "y/c x/b:80",
               "pod x/b is isolated for ingress by policy x/p: x/p ingress[0] allows pods f=6 "
               "of namespaces a,!b,c in (1,2),d!=3,e notin (4,5), not pod y/c");
}

TEST(EvaluateReason, OrderAndFirstAllowingRuleAreStable) {
  World w = Standard();
  w.Ingress("x/z", {}, {RuleOf({}, {})});
  w.Ingress("x/m", {}, {RuleOf({}, {Port(80)}), RuleOf({}, {})});
  w.Ingress("x/b", {}, {RuleOf({}, {Port(81)})});
  const SideAnswer side = Ask(w.cluster, "y/c x/b:443").ingress;
  EXPECT_EQ(side.policy, KeyOf("x/m"));
  EXPECT_EQ(side.rule, 1u);
  EXPECT_EQ(side.isolating, (std::vector<ObjectKey>{KeyOf("x/b"), KeyOf("x/m"), KeyOf("x/z")}));
}

}  // namespace
}  // namespace podgate::compiler
