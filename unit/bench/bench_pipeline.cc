// Events and what they cost: from an object that changed to the steps that are committed, without
// the kernel. Arguments: pods, policies. `bytes_per_pod` is what the pipeline holds on the heap for
// the whole cluster, divided by the number of its pods.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <memory>

#include "compiler/incremental/pipeline.h"
#include "nft/plan/diff.h"
#include "unit/bench/big_cluster.h"

namespace podgate::compiler {
namespace {

std::unique_ptr<Pipeline> Filled(const Cluster& cluster) {
  auto pipeline = std::make_unique<Pipeline>("n1", CompileOptions{});
  for (const auto& [name, ns] : cluster.namespaces) pipeline->Put(ns);
  for (const auto& [key, policy] : cluster.policies) pipeline->Put(policy);
  for (const auto& [key, pod] : cluster.pods) pipeline->Put(pod);
  pipeline->Update();
  return pipeline;
}

Cluster ClusterOf(const benchmark::State& state) {
  return MakeCluster(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
}

void BM_Fill(benchmark::State& state) {
  const Cluster cluster = ClusterOf(state);
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::size_t before = ::mallinfo2().uordblks;
    const std::unique_ptr<Pipeline> pipeline = Filled(cluster);
    bytes = ::mallinfo2().uordblks - before;
    benchmark::DoNotOptimize(pipeline->ruleset());
  }
  state.counters["bytes_per_pod"] =
      static_cast<double>(bytes) / static_cast<double>(cluster.pods.size());
}

// Puts one object and another version of it by turns.
template <typename Object>
void Alternate(benchmark::State& state, const Object& one, const Object& other) {
  const std::unique_ptr<Pipeline> pipeline = Filled(ClusterOf(state));
  std::size_t operations = 0;
  bool turn = false;
  for (auto _ : state) {
    turn = !turn;
    pipeline->Put(turn ? other : one);
    const nft::Change change = pipeline->Update();
    for (const nft::Step& step : nft::StepsOf(change, pipeline->ruleset()))
      operations += step.operations.size();
  }
  state.counters["operations"] =
      benchmark::Counter(static_cast<double>(operations), benchmark::Counter::kAvgIterations);
}

Pod PodOf(const benchmark::State& state, std::size_t index) {
  const Cluster cluster = ClusterOf(state);
  for (const auto& [key, pod] : cluster.pods)
    if (key.name == "p" + std::to_string(index)) return pod;
  return {};
}

void BM_RemotePodComesAndGoes(benchmark::State& state) {
  const Pod pod = PodOf(state, 500);
  Pod gone = pod;
  gone.finished = true;
  Alternate(state, pod, gone);
}

void BM_LocalPodComesAndGoes(benchmark::State& state) {
  const Pod pod = PodOf(state, 50);
  Pod gone = pod;
  gone.finished = true;
  Alternate(state, pod, gone);
}

void BM_PodChangesLabels(benchmark::State& state) {
  const Pod pod = PodOf(state, 500);
  Pod other = pod;
  other.labels[0].second = "a1";
  Alternate(state, pod, other);
}

void BM_PolicyChanges(benchmark::State& state) {
  const Cluster cluster = ClusterOf(state);
  const NetworkPolicy policy = cluster.policies.begin()->second;
  NetworkPolicy other = policy;
  other.ingress.pop_back();
  Alternate(state, policy, other);
}

void BM_NamespaceChangesLabels(benchmark::State& state) {
  const Cluster cluster = ClusterOf(state);
  const Namespace ns = cluster.namespaces.at("ns7");
  Namespace other = ns;
  other.labels[1].second = "nobody";
  Alternate(state, ns, other);
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({1'000, 100})->Args({10'000, 1'000})->Args({100'000, 10'000});
  benchmark->Unit(benchmark::kMicrosecond);
}

BENCHMARK(BM_Fill)->Apply(Sizes);
BENCHMARK(BM_RemotePodComesAndGoes)->Apply(Sizes);
BENCHMARK(BM_LocalPodComesAndGoes)->Apply(Sizes);
BENCHMARK(BM_PodChangesLabels)->Apply(Sizes);
BENCHMARK(BM_PolicyChanges)->Apply(Sizes);
BENCHMARK(BM_NamespaceChangesLabels)->Apply(Sizes);

}  // namespace
}  // namespace podgate::compiler

BENCHMARK_MAIN();
