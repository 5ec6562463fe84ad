// The compiled rulesets, interpreted packet by packet, against the reference evaluator: on random
// clusters and on all of a small world. PODGATE_PAIRS sets how many random (cluster, flow) pairs,
// PODGATE_SEED where they start.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "compiler/reference/evaluate.h"
#include "compiler/reference/flow_query_text.h"
#include "compiler/reference/path.h"
#include "unit/compiler/support/manifest.h"
#include "unit/compiler/support/random_cluster.h"
#include "unit/compiler/support/world.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

using namespace test;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kPairs = 10'000;  // sanitized code is some ten times slower
#else
constexpr std::uint64_t kPairs = 100'000;
#endif
constexpr int kFlowsPerCluster = 25;

// A cluster with the rulesets of its nodes, compiled when a packet first meets them.
class Nodes {
 public:
  Nodes(const Cluster& cluster, const CompileOptions& options)
      : cluster_(cluster), options_(options) {}

  const nft::Ruleset& RulesetOf(const std::string& node) {
    const auto found = rulesets_.find(node);
    if (found != rulesets_.end()) return found->second;
    return rulesets_.emplace(node, Compile(BuildIr(cluster_, node), options_)).first->second;
  }
  const std::map<std::string, nft::Ruleset>& rulesets() const { return rulesets_; }

 private:
  const Cluster& cluster_;
  const CompileOptions options_;
  std::map<std::string, nft::Ruleset> rulesets_;
};

std::string Text(const FlowQuery& flow) {
  static const char* const kProtocols[] = {"tcp", "udp", "sctp", "icmp"};
  const char* family = !flow.family ? "" : *flow.family == Family::kIPv4 ? " @4" : " @6";
  return fmt::format("{} -> {} port {}/{}{}", ToString(flow.from), ToString(flow.to), flow.port,
                     kProtocols[static_cast<int>(flow.protocol)], family);
}

// What was met on the way, so that a test that compares nothing of interest fails.
struct Seen {
  std::uint64_t compared = 0;
  std::uint64_t denied = 0;
  std::uint64_t allowed_by_rule = 0;
  std::uint64_t remote = 0;   // crossed two nodes
  std::uint64_t to_node = 0;  // met an input hook
  std::uint64_t icmp = 0;
  std::uint64_t ipv6 = 0;
  std::uint64_t dispatches = 0;  // port verdict maps, the bounded form's
  std::uint64_t interval_sets = 0;
  std::uint64_t service_sets = 0;

  void Add(const Nodes& nodes) {
    for (const auto& [node, ruleset] : nodes.rulesets()) {
      for (const auto& [name, set] : ruleset.sets) {
        const bool by_port = set.key.front() == nft::Field::kInetProto ||
                             set.key.front() == nft::Field::kInetService;
        dispatches += set.verdict_map && by_port;
        interval_sets += set.interval && !set.verdict_map;
        service_sets += !set.verdict_map && set.key.size() == 3;
      }
    }
  }
  void Add(const Path& path, const FlowAnswer& verdict) {
    ++compared;
    denied += !verdict.allowed;
    allowed_by_rule += verdict.allowed && (verdict.egress.policy || verdict.ingress.policy);
    remote += path.hops.size() == 2;
    to_node += !path.hops.empty() && path.hops.back().hook == nft::Hook::kInput;
    icmp += path.packet->protocol == nft::kIcmp || path.packet->protocol == nft::kIcmpv6;
    ipv6 += verdict.family == Family::kIPv6;
  }
};

// False: they disagree, and the failure is reported with all that is needed to look into it.
bool Agree(const Cluster& cluster, Nodes* nodes, const FlowQuery& flow,
           const CompileOptions& options, Seen* seen) {
  std::string error;
  const EvaluateOptions evaluate{.pod_to_node_enforce = options.pod_to_node_enforce};
  const std::optional<FlowAnswer> expected = Evaluate(cluster, flow, evaluate, &error);
  const std::optional<Path> path = PathOf(cluster, flow, &error);
  if (expected.has_value() != path.has_value()) {
    ADD_FAILURE() << "an end resolves for one of the two only: " << Text(flow);
    return false;
  }
  if (!path || !path->packet) return true;  // no such flow, or no packet to follow
  const auto ruleset = [&](const std::string& node) { return &nodes->RulesetOf(node); };
  const PathVerdict actual = Follow(*path, ruleset);
  seen->Add(*path, *expected);
  Path reply = *path;
  reply.packet->state = nft::Packet::State::kEstablished;
  if (!Follow(reply, ruleset).allowed) {
    ADD_FAILURE() << "established packets are dropped: " << Text(flow) << "\n"
                  << Manifests(cluster);
    return false;
  }
  if (actual.allowed == expected->allowed) return true;
  ADD_FAILURE() << Text(flow) << (options.pod_to_node_enforce ? " (pod-to-node enforced)" : "")
                << "\nevaluator:   " << (expected->allowed ? "allow: " : "deny: ")
                << expected->reason << "\ninterpreter: " << (actual.allowed ? "allow" : "deny")
                << "\n  " << fmt::format("{}", fmt::join(actual.trace, "\n  ")) << "\n"
                << Manifests(cluster);
  return false;
}

TEST(Agreement, RandomClusters) {
  const std::uint64_t pairs = FromEnvironment("PODGATE_PAIRS", kPairs);
  const std::uint64_t base = unit::Seed();
  Seen seen;
  std::uint64_t clusters = 0;
  for (; seen.compared < pairs && clusters < pairs; ++clusters) {
    const std::uint64_t seed = base + clusters;
    Random random(seed);
    const Cluster cluster = RandomCluster(&random);
    CompileOptions options;
    options.pod_to_node_enforce = random.Percent(40);
    options.reject = random.Percent(20);
    Nodes nodes(cluster, options);
    for (int i = 0; i < kFlowsPerCluster; ++i) {
      if (Agree(cluster, &nodes, RandomFlow(cluster, &random), options, &seen)) continue;
      FAIL() << "PODGATE_SEED=" << seed << " PODGATE_PAIRS=1 repeats this cluster";
    }
    seen.Add(nodes);
  }
  fmt::print(
      "{} pairs over {} clusters from seed {}: {} denied, {} allowed by a rule, {} over two nodes, "
      "{} to a "
      "node, {} ICMP, {} IPv6; {} port maps, {} interval sets, {} named-port sets\n",
      seen.compared, clusters, base, seen.denied, seen.allowed_by_rule, seen.remote, seen.to_node,
      seen.icmp, seen.ipv6, seen.dispatches, seen.interval_sets, seen.service_sets);
  if (pairs < 10'000) return;
  EXPECT_GT(seen.denied, seen.compared / 10);
  EXPECT_GT(seen.allowed_by_rule, seen.compared / 10);
  EXPECT_GT(seen.remote, seen.compared / 10);
  EXPECT_GT(seen.to_node, seen.compared / 50);
  EXPECT_GT(seen.icmp, seen.compared / 20);
  EXPECT_GT(seen.ipv6, seen.compared / 10);
  EXPECT_GT(seen.dispatches, clusters / 20);
  EXPECT_GT(seen.interval_sets, clusters / 50);
  EXPECT_GT(seen.service_sets, clusters / 20);
}

// ---- a small world, exhaustively
// ---------------------------------------------------------------------

// Two namespaces, three pods in each over two nodes, labels app=a, app=b and none; both families.
World SmallWorld() {
  World w;
  w.AddNamespace("x", {{"team", "a"}});
  w.AddNamespace("y");
  int number = 0;
  for (const char* ns : {"x", "y"}) {
    for (const char* app : {"a", "b", ""}) {
      const std::string v4 = fmt::format("10.0.0.{}", ++number);
      const std::string v6 = fmt::format("fd00::{}", number);
      Pod& pod = w.AddPod(fmt::format("{}/p{}", ns, number), number % 2 == 0 ? "n1" : "n2", {},
                          {v4.c_str(), v6.c_str()});
      if (*app != '\0') pod.labels = {{"app", app}};
      pod.ports = {{"web", Protocol::kTcp, static_cast<std::uint16_t>(number <= 3 ? 80 : 81)}};
    }
  }
  return w;
}

std::vector<LabelSelector> SelectorsOver(const char* key) {
  using Op = Requirement::Operator;
  return {LabelSelector{}, LabelSelector{{{key, Op::kIn, {"a"}}}},
          LabelSelector{{{key, Op::kNotIn, {"a"}}}}, LabelSelector{{{key, Op::kExists, {}}}},
          LabelSelector{{{key, Op::kDoesNotExist, {}}}}};
}

// Every form of a peer, and one list of peers for each; the empty list stands for an absent one.
std::vector<std::vector<PolicyPeer>> AllPeers() {
  std::vector<std::vector<PolicyPeer>> peers = {{}};
  for (const LabelSelector& selector : SelectorsOver("app")) peers.push_back({PodsOf(selector)});
  for (const LabelSelector& selector : SelectorsOver("team"))
    peers.push_back({NamespacesOf(selector)});
  for (const LabelSelector& namespaces : SelectorsOver("team")) {
    peers.push_back({Both(namespaces, Select({{"app", "a"}}))});
  }
  peers.push_back({Block("0.0.0.0/0")});
  peers.push_back({Block("::/0")});
  peers.push_back({Block("10.0.0.0/29", {"10.0.0.2/31"})});
  peers.push_back({Block("fd00::/64", {"fd00::4/126"})});
  peers.push_back({Block("10.0.0.1/32"), PodsOf(Select({{"app", "b"}}))});
  return peers;
}

std::vector<std::vector<PolicyPort>> AllPorts() {
  return {{},
          {Port(80)},
          {Range(81, 90)},
          {Whole(Protocol::kTcp)},
          {Whole(Protocol::kUdp)},
          {Named("web")},
          {Named("none")},
          {Port(81), Port(80, Protocol::kUdp)}};
}

std::vector<FlowQuery> AllFlows(const Cluster& cluster) {
  std::vector<EndpointName> ends = {NodeName{"n1"}, Address(At("192.0.2.1")),
                                    Address(At("2001:db8::1"))};
  for (const auto& [key, pod] : cluster.pods) ends.push_back(key);
  const std::pair<FlowProtocol, std::uint16_t> services[] = {{FlowProtocol::kTcp, 80},
                                                             {FlowProtocol::kTcp, 81},
                                                             {FlowProtocol::kUdp, 80},
                                                             {FlowProtocol::kIcmp, 0}};
  std::vector<FlowQuery> flows;
  int turn = 0;
  for (const EndpointName& from : ends) {
    for (const EndpointName& to : ends) {
      for (const auto& [protocol, port] : services) {
        FlowQuery flow{from, to, protocol, port, std::nullopt};
        const bool named =
            std::holds_alternative<Address>(from) || std::holds_alternative<Address>(to);
        if (!named) flow.family = ++turn % 2 == 0 ? Family::kIPv4 : Family::kIPv6;
        flows.push_back(flow);
      }
    }
  }
  return flows;
}

TEST(Agreement, AllSingleRulePoliciesOfASmallWorld) {
  World world = SmallWorld();
  const std::vector<FlowQuery> flows = AllFlows(world.cluster);
  const std::uint64_t stride = kPairs < 100'000 ? 7 : 1;  // sanitized builds take a part of it
  std::uint64_t policies = 0;
  Seen seen;
  for (const LabelSelector& selector : SelectorsOver("app")) {
    for (const std::vector<PolicyPeer>& peers : AllPeers()) {
      for (const std::vector<PolicyPort>& ports : AllPorts()) {
        for (const int directions : {1, 2, 3}) {
          if (++policies % stride != 0) continue;
          world.cluster.policies.clear();
          NetworkPolicy& policy = world.AddPolicy("x/p", selector);
          policy.isolates_ingress = (directions & 1) != 0;
          policy.isolates_egress = (directions & 2) != 0;
          policy.ingress = policy.egress = {RuleOf(peers, ports)};
          Nodes nodes(world.cluster, {});
          for (const FlowQuery& flow : flows) {
            if (!Agree(world.cluster, &nodes, flow, {}, &seen)) return;
          }
        }
      }
    }
  }
  fmt::print("{} policies, {} pairs, {} denied\n", policies / stride, seen.compared, seen.denied);
  EXPECT_GT(seen.denied, seen.compared / 20);
}

}  // namespace
}  // namespace podgate::compiler
