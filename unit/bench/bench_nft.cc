// Hot paths of nft/ without a kernel: encoding, decoding, comparing and printing large sets, and
// the difference that one pod makes on a busy node.
#include <benchmark/benchmark.h>
#include "nft/codec/batch.h"
#include "nft/codec/decode.h"
#include "nft/codec/encode.h"
#include "nft/codec/netlink_handles.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"

namespace podgate::nft {
namespace {

Set Peers(std::uint32_t count) {
  Set set;
  set.name = "peers4-a";
  set.key = {Field::kIpv4Addr};
  set.size = 1u << 18;
  for (std::uint32_t i = 0; i < count; ++i) {
    set.elements.push_back({AddressKey(ipset::Address::FromIPv4(0x0a000000 + i)), "", {}});
  }
  return set;
}

Ruleset OneLargeSet(std::uint32_t count) {
  Ruleset ruleset;
  ruleset.sets["peers4-a"] = Peers(count);
  return ruleset;
}

// 110 isolated pods, 20 classes of 8 rules, 60 sets of 500 peers.
Ruleset BusyNode() {
  Ruleset ruleset;
  for (std::uint32_t i = 0; i < 60; ++i) {
    Set set = Peers(500);
    set.name = "peers4-" + std::to_string(i);
    ruleset.sets[set.name] = set;
  }
  for (std::uint32_t i = 0; i < 20; ++i) {
    Chain chain{"in-class-" + std::to_string(i), std::nullopt, {}};
    for (std::uint32_t rule = 0; rule < 8; ++rule) {
      const std::string peers = "peers4-" + std::to_string((i * 3 + rule) % 60);
      chain.rules.push_back(
          {{MatchPort{kTcp, 80, 80}, MatchAddressSet{Side::kSource, Family::kIPv4, peers}},
           {},
           Verdict{},
           "policy default/allow-web"});
    }
    ruleset.chains[chain.name] = chain;
  }
  for (std::uint32_t i = 0; i < 110; ++i) {
    const std::string name = "in-10.1.0." + std::to_string(i);
    const Verdict verdict{Verdict::Kind::kGoto, "in-class-" + std::to_string(i % 20)};
    ruleset.chains[name] = Chain{name, std::nullopt, {Rule{{}, {}, verdict, ""}}};
  }
  return ruleset;
}

AddElements AllOf(const Set& set) { return {set.name, set.key, set.interval, set.elements}; }

void BM_EncodeElements(benchmark::State& state) {
  const AddElements add = AllOf(Peers(static_cast<std::uint32_t>(state.range(0))));
  std::size_t bytes = 0;
  for (auto _ : state) {
    Batch batch(1);
    EncodeElements("podgate", add, {0}, &batch);
    batch.End();
    bytes = batch.size();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["batch_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_EncodeElements)->Arg(1)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void BM_DecodeElements(benchmark::State& state) {
  const Set set = Peers(static_cast<std::uint32_t>(state.range(0)));
  SetPtr dump(nftnl_set_alloc());
  for (auto element = set.elements.rbegin(); element != set.elements.rend(); ++element) {
    nftnl_set_elem* out = nftnl_set_elem_alloc();
    nftnl_set_elem_set(out, NFTNL_SET_ELEM_KEY, element->key.data(),
                       static_cast<std::uint32_t>(element->key.size()));
    nftnl_set_elem_add(dump.get(), out);
  }
  for (auto _ : state) {
    Set decoded = Peers(0);
    DecodeElements(dump.get(), &decoded);
    if (decoded.elements != set.elements) state.SkipWithError("decoded something else");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_DecodeElements)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void BM_DiffOfEqualSets(benchmark::State& state) {
  const Ruleset applied = OneLargeSet(static_cast<std::uint32_t>(state.range(0)));
  const Ruleset desired = applied;
  for (auto _ : state) benchmark::DoNotOptimize(Diff(&applied, desired));
}
BENCHMARK(BM_DiffOfEqualSets)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void BM_DiffOfOnePeer(benchmark::State& state) {
  const Ruleset applied = BusyNode();
  Ruleset desired = applied;
  desired.sets["peers4-7"].elements.pop_back();
  for (auto _ : state) benchmark::DoNotOptimize(Diff(&applied, desired));
}
BENCHMARK(BM_DiffOfOnePeer)->Unit(benchmark::kMicrosecond);

void BM_EncodeBusyNode(benchmark::State& state) {
  const std::vector<Step> steps = Diff(nullptr, BusyNode());
  for (auto _ : state) {
    for (const Step& step : steps) {
      Batch batch(1);
      EncodeStep(step, &batch);
      benchmark::DoNotOptimize(batch.data());
    }
  }
}
BENCHMARK(BM_EncodeBusyNode)->Unit(benchmark::kMicrosecond);

void BM_Print(benchmark::State& state) {
  const Ruleset ruleset = OneLargeSet(static_cast<std::uint32_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Print(ruleset));
}
BENCHMARK(BM_Print)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace podgate::nft

BENCHMARK_MAIN();
