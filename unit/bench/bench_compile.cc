// From cluster state to one node's ruleset, from scratch. Arguments: pods, policies.
#include <benchmark/benchmark.h>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "unit/bench/big_cluster.h"

namespace podgate::compiler {
namespace {

void BM_BuildIr(benchmark::State& state) {
  const Cluster cluster =
      MakeCluster(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  for (auto _ : state) benchmark::DoNotOptimize(BuildIr(cluster, "n1"));
}

void BM_Compile(benchmark::State& state) {
  const Cluster cluster =
      MakeCluster(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const NodeIr ir = BuildIr(cluster, "n1");
  std::size_t elements = 0;
  for (auto _ : state) {
    const nft::Ruleset ruleset = Compile(ir);
    elements = 0;
    for (const auto& [name, set] : ruleset.sets) elements += set.elements.size();
  }
  state.counters["elements"] = static_cast<double>(elements);
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({1'000, 100})->Args({10'000, 1'000})->Args({100'000, 10'000});
  benchmark->Unit(benchmark::kMillisecond);
}

BENCHMARK(BM_BuildIr)->Apply(Sizes);
BENCHMARK(BM_Compile)->Apply(Sizes);

}  // namespace
}  // namespace podgate::compiler

BENCHMARK_MAIN();
