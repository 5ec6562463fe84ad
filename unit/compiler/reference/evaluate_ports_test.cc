// The reference evaluator: which ports and protocols a rule means; ICMP; named ports.

#include <gtest/gtest.h>

#include "unit/compiler/reference/ask.h"
#include "unit/compiler/support/world.h"

namespace podgate::compiler {
namespace {

using namespace test;

World Standard() {
  World w;
  w.AddNamespace("x");
  w.AddNamespace("y", {{"team", "blue"}});
  w.AddPod("x/a", "n1", {{"app", "a"}}, {"10.0.0.1", "fd00::1"});
  w.AddPod("x/b", "n1", {{"app", "b"}}, {"10.0.0.2", "fd00::2"}).ports = {
      {"web", Protocol::kTcp, 80}, {"web", Protocol::kUdp, 8080}, {"dns", Protocol::kUdp, 53}};
  w.AddPod("y/c", "n2", {{"app", "c"}}, {"10.0.1.3", "fd00::3"}).ports = {
      {"web", Protocol::kTcp, 8080}, {"web", Protocol::kTcp, 8081}};
  w.AddPod("y/host", "n2", {{"app", "c"}}, {"192.168.0.2"}).host_network = true;
  w.cluster.pods[KeyOf("y/host")].ports = {{"web", Protocol::kTcp, 9000}};
  return w;
}

struct PortCase {
  const char* name;
  std::vector<PolicyPort> ports;
  std::vector<Expectation> expectations;  // from x/a to x/b
};

TEST(EvaluatePorts, Forms) {
  const PortCase cases[] = {
      {"absent: everything, ICMP included",
       {},
       {{"x/a x/b:1", true},
        {"x/a x/b:65535/udp", true},
        {"x/a x/b:9/sctp", true},
        {"x/a x/b/icmp", true},
        {"x/a x/b/icmp @6", true}}},
      {"a number",
       {Port(80)},
       {{"x/a x/b:80", true},
        {"x/a x/b:81", false},
        {"x/a x/b:79", false},
        {"x/a x/b:80/udp", false},
        {"x/a x/b:80/sctp", false},
        {"x/a x/b/icmp", false},
        {"x/a x/b:80 @6", true}}},
      {"a protocol without port: all of its ports, and no ICMP",
       {Whole(Protocol::kTcp)},
       {{"x/a x/b:1", true},
        {"x/a x/b:65535", true},
        {"x/a x/b:1/udp", false},
        {"x/a x/b/icmp", false}}},
      {"every protocol named: still no ICMP",
       {Whole(Protocol::kTcp), Whole(Protocol::kUdp), Whole(Protocol::kSctp)},
       {{"x/a x/b:1/sctp", true},
        {"x/a x/b:1/udp", true},
        {"x/a x/b/icmp", false},
        {"x/a x/b/icmp @6", false}}},
      {"a range, both ends inclusive",
       {Range(80, 90)},
       {{"x/a x/b:79", false},
        {"x/a x/b:80", true},
        {"x/a x/b:90", true},
        {"x/a x/b:91", false},
        {"x/a x/b:85/udp", false}}},
      {"a range of one",
       {Range(80, 80)},
       {{"x/a x/b:79", false}, {"x/a x/b:80", true}, {"x/a x/b:81", false}}},
      {"a range to the end",
       {Range(65535, 65535)},
       {{"x/a x/b:65534", false}, {"x/a x/b:65535", true}}},
      {"SCTP is its own protocol",
       {Port(80, Protocol::kSctp)},
       {{"x/a x/b:80", false}, {"x/a x/b:80/sctp", true}, {"x/a x/b:80/udp", false}}},
      {"several",
       {Port(80), Port(53, Protocol::kUdp)},
       {{"x/a x/b:80", true},
        {"x/a x/b:53/udp", true},
        {"x/a x/b:53", false},
        {"x/a x/b:80/udp", false}}},
      {"a name, by its protocol",
       {Named("web")},
       {{"x/a x/b:80", true},
        {"x/a x/b:8080", false},
        {"x/a x/b:80/udp", false},
        {"x/a x/b:8080/udp", false}}},
      {"the same name, another protocol",
       {Named("web", Protocol::kUdp)},
       {{"x/a x/b:80", false}, {"x/a x/b:80/udp", false}, {"x/a x/b:8080/udp", true}}},
      {"a name that the pod has for another protocol only",
       {Named("dns")},
       {{"x/a x/b:53", false}, {"x/a x/b:53/udp", false}}},
      {"a name that nobody has", {Named("nope")}, {{"x/a x/b:80", false}, {"x/a x/b/icmp", false}}},
  };
  for (const PortCase& c : cases) {
    SCOPED_TRACE(c.name);
    World ingress = Standard();
    ingress.Ingress("x/p", Select({{"app", "b"}}), {RuleOf({}, c.ports)});
    ExpectAll(ingress.cluster, c.expectations);
    World egress = Standard();
    egress.Egress("x/p", Select({{"app", "a"}}), {RuleOf({}, c.ports)});
    ExpectAll(egress.cluster, c.expectations);
  }
}

TEST(EvaluatePorts, NamesAreResolvedOnEachDestination) {
  World w = Standard();
  w.Egress("x/p", Select({{"app", "a"}}), {RuleOf({}, {Named("web")})});
  ExpectAll(w.cluster, {{"x/a x/b:80", true},
                        {"x/a x/b:8080", false},
                        {"x/a y/c:80", false},
                        {"x/a y/c:8080", true},
                        {"x/a y/c:8081", true},          // several of one name: all of them
                        {"x/a ip:10.0.1.3:8080", true},  // a pod, whoever names it how
                        {"x/a ip:192.0.2.1:80", false},  // never outside
                        {"x/a y/host:9000", false},      // never hostNetwork
                        {"x/a node:n2:9000", false}});
}

TEST(EvaluatePorts, EgressNamesWithPeers) {
  World w = Standard();
  w.Egress("x/p", Select({{"app", "a"}}),
           {RuleOf({NamespacesOf(Select({{"team", "blue"}}))}, {Named("web")})});
  ExpectAll(w.cluster, {{"x/a x/b:80", false}, {"x/a y/c:8080", true}});
  w.cluster.policies.clear();
  w.Egress("x/p", Select({{"app", "a"}}), {RuleOf({Block("10.0.0.0/24")}, {Named("web")})});
  ExpectAll(w.cluster, {{"x/a x/b:80", true},
                        {"x/a x/b:80 @6", false},
                        {"x/a y/c:8080", false},
                        {"x/a ip:10.0.0.77:80", false}});
}

TEST(EvaluatePorts, IngressNamesDifferFromPodToPod) {
  World w = Standard();
  w.AddPod("x/b2", "n1", {{"app", "b"}}, {"10.0.0.4"}).ports = {{"web", Protocol::kTcp, 8080}};
  w.Ingress("x/p", Select({{"app", "b"}}), {RuleOf({PodsOf({})}, {Named("web")})});
  ExpectAll(w.cluster, {{"x/a x/b:80", true},
                        {"x/a x/b:8080", false},
                        {"x/a x/b2:80", false},
                        {"x/a x/b2:8080", true},
                        {"y/c x/b:80", false}});
}

TEST(EvaluatePorts, PortsAndPeersOfOneRuleBelongTogether) {
  World w = Standard();
  w.Ingress("x/p", Select({{"app", "b"}}),
            {RuleOf({PodsOf(Select({{"app", "a"}}))}, {Port(80)}),
             RuleOf({NamespacesOf(Select({{"team", "blue"}}))}, {Port(81)})});
  ExpectAll(
      w.cluster,
      {{"x/a x/b:80", true}, {"x/a x/b:81", false}, {"y/c x/b:80", false}, {"y/c x/b:81", true}});
}

}  // namespace
}  // namespace podgate::compiler
