// What it costs to have established flows follow the policy, without a kernel: sorting out what can
// be denied at all, judging it, and reading conntrack's messages. The rules are those of a node
// with 110 isolated pods; argument: flows.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "nft/conntrack/conntrack_codec.h"
#include "nft/conntrack/flow_judge.h"

namespace podgate::controller {
namespace {

using compiler::NetworkPolicy;
using compiler::Requirement;
using ipset::Address;

constexpr std::uint32_t kLocalPods = 110;
constexpr std::uint32_t kFirst = 0x0a640000;

compiler::LabelSelector Label(const std::string& key, const std::string& value) {
  return {.requirements = {{.key = key, .op = Requirement::Operator::kIn, .values = {value}}}};
}

// 10,000 pods of 20 applications, each of which takes tcp/8080 and udp/53 from three others, its
// clients, and from one block; the first 110 pods are here.
const nft::Ruleset& Rules() {
  static const nft::Ruleset rules = [] {
    compiler::Cluster cluster;
    cluster.namespaces["d"] = {"d", {}};
    for (std::uint32_t i = 0; i < 10'000; ++i) {
      compiler::Pod pod;
      pod.key = {"d", fmt::format("p{}", i)};
      pod.labels = {{"app", fmt::format("a{}", i % 20)}};
      pod.node = i < kLocalPods ? "n1" : "far";
      pod.addresses = {Address::FromIPv4(kFirst + i)};
      cluster.pods.emplace(pod.key, pod);
    }
    for (int app = 0; app < 20; ++app) {
      NetworkPolicy policy;
      policy.key = {"d", fmt::format("np{}", app)};
      policy.pods = Label("app", fmt::format("a{}", app));
      compiler::PolicyRule rule;
      for (int client = 1; client <= 3; ++client) {
        compiler::PolicyPeer peer;
        peer.pods = Label("app", fmt::format("a{}", (app + client) % 20));
        rule.peers.push_back(peer);
      }
      compiler::PolicyPeer block;
      block.block = compiler::IpBlock{*ipset::Prefix::Parse("192.168.0.0/16"), {}};
      rule.peers.push_back(block);
      compiler::PolicyPort tcp;
      tcp.number = 8080;
      compiler::PolicyPort udp;
      udp.protocol = compiler::Protocol::kUdp;
      udp.number = 53;
      rule.ports = {tcp, udp};
      policy.ingress = {rule};
      cluster.policies.emplace(policy.key, policy);
    }
    return compiler::Compile(compiler::BuildIr(cluster, "n1"));
  }();
  return rules;
}

// To local pods; every seventh between two pods that are not of this node.
std::vector<nft::Flow> Flows(std::int64_t count) {
  std::mt19937 random(1);
  std::vector<nft::Flow> flows;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t local = random() % kLocalPods;
    nft::Flow flow;
    flow.original.source = Address::FromIPv4(kFirst + kLocalPods + random() % 9000);
    flow.original.destination =
        Address::FromIPv4(i % 7 == 0 ? kFirst + 9500 + random() % 400 : kFirst + local);
    flow.original.source_port = static_cast<std::uint16_t>(random());
    flow.original.destination_port = random() % 4 == 0 ? 443 : 8080;
    flow.reply.source = flow.original.destination;
    flow.reply.destination = flow.original.source;
    flow.reply.source_port = flow.original.destination_port;
    flow.reply.destination_port = flow.original.source_port;
    flow.id = static_cast<std::uint32_t>(i);
    flow.timeout_seconds = 1000;
    flow.status = 0x0e;  // answered, assured, confirmed
    flows.push_back(flow);
  }
  return flows;
}

void PerFlow(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["per_flow"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_FilterFlows(benchmark::State& state) {
  const std::vector<nft::Flow> flows = Flows(state.range(0));
  const nft::FlowFilter filter{nft::JudgedAddresses(Rules()), {}};
  for (auto _ : state) {
    std::size_t interesting = 0;
    for (const nft::Flow& flow : flows) interesting += filter.Interesting(flow) ? 1 : 0;
    benchmark::DoNotOptimize(interesting);
  }
  PerFlow(state);
}

// As the loop does it: a judge for every 256 flows.
void BM_JudgeFlows(benchmark::State& state) {
  const std::vector<nft::Flow> flows = Flows(state.range(0));
  std::size_t cut = 0;
  for (auto _ : state) {
    cut = 0;
    for (std::size_t first = 0; first < flows.size(); first += 256) {
      const nft::FlowJudge judge(Rules());
      for (std::size_t i = first; i < std::min(flows.size(), first + 256); ++i) {
        if (judge.Judge({flows[i], nft::Hook::kForward, std::nullopt}) == nft::FlowDecision::kCut)
          ++cut;
      }
    }
  }
  state.counters["denied"] = static_cast<double>(cut);
  PerFlow(state);
}

void BM_JudgedAddresses(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(nft::JudgedAddresses(Rules()));
}

void BM_DecodeFlows(benchmark::State& state) {
  nft::ConntrackRequests message(1);
  message.Create(Flows(1)[0]);
  const auto* header = reinterpret_cast<const nlmsghdr*>(message.data());
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i)
      benchmark::DoNotOptimize(nft::DecodeFlow(header));
  }
  PerFlow(state);
}

// A deletion and a tombstone for each.
void BM_EncodeCuts(benchmark::State& state) {
  const std::vector<nft::Flow> flows = Flows(state.range(0));
  for (auto _ : state) {
    for (std::size_t first = 0; first < flows.size(); first += 64) {
      nft::ConntrackRequests requests(1);
      for (std::size_t i = first; i < std::min(flows.size(), first + 64); ++i) {
        requests.Delete(flows[i]);
        requests.Create(nft::TombstoneOf(flows[i]));
      }
      benchmark::DoNotOptimize(requests.data());
    }
  }
  PerFlow(state);
}

BENCHMARK(BM_FilterFlows)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_JudgeFlows)->Arg(256)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_JudgedAddresses)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_DecodeFlows)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_EncodeCuts)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace podgate::controller

BENCHMARK_MAIN();
