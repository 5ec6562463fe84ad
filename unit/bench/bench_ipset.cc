// Hot paths of the address algebra: reading addresses, making sets, excepts, minimal prefixes.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "ipset/address_set.h"

namespace podgate::ipset {
namespace {

// Pod addresses as a cluster hands them out: dense within some /24s, in no order.
std::vector<Prefix> Hosts(std::int64_t count) {
  std::mt19937 random(1);
  std::vector<Prefix> hosts;
  for (std::int64_t i = 0; i < count; ++i) {
    hosts.emplace_back(
        Address::FromIPv4(0x0a000000 + static_cast<std::uint32_t>(random() % (2 * count))), 32);
  }
  return hosts;
}

void ParseAddress(benchmark::State& state, const char* text) {
  for (auto _ : state) benchmark::DoNotOptimize(Address::Parse(text));
}
BENCHMARK_CAPTURE(ParseAddress, ipv4, "10.244.101.17");
BENCHMARK_CAPTURE(ParseAddress, ipv6, "fd00:10:244:1:a1b2:c3d4:e5f6:17");

void WriteAddress(benchmark::State& state, const char* text) {
  const Address address = *Address::Parse(text);
  for (auto _ : state) benchmark::DoNotOptimize(address.ToString());
}
BENCHMARK_CAPTURE(WriteAddress, ipv4, "10.244.101.17");
BENCHMARK_CAPTURE(WriteAddress, ipv6, "fd00:10:244:1:a1b2:c3d4:e5f6:17");

void MakeSet(benchmark::State& state) {
  const std::vector<Prefix> hosts = Hosts(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(AddressSet::Of(hosts));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(MakeSet)->Arg(100)->Arg(10'000)->Arg(100'000);

void UnionOfSets(benchmark::State& state) {
  std::vector<Prefix> hosts = Hosts(state.range(0));
  const auto middle = hosts.begin() + static_cast<std::ptrdiff_t>(hosts.size() / 2);
  const AddressSet a = AddressSet::Of(std::vector<Prefix>(hosts.begin(), middle));
  const AddressSet b = AddressSet::Of(std::vector<Prefix>(middle, hosts.end()));
  for (auto _ : state) benchmark::DoNotOptimize(Union(a, b));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(UnionOfSets)->Arg(10'000);

void Delta(benchmark::State& state) {
  const std::vector<Prefix> hosts = Hosts(state.range(0));
  const AddressSet before = AddressSet::Of(hosts);
  const AddressSet after = Union(before, AddressSet::Of(*Prefix::Parse("192.0.2.1/32")));
  for (auto _ : state) benchmark::DoNotOptimize(DeltaOf(before, after));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Delta)->Arg(10'000);

// The widest except there is: one address out of a whole family, 128 prefixes.
void ExceptToPrefixes(benchmark::State& state) {
  const AddressSet whole = AddressSet::Whole(Family::kIPv6);
  const AddressSet one = AddressSet::Of(*Prefix::Parse("2001:db8::1/128"));
  for (auto _ : state) benchmark::DoNotOptimize(Subtract(whole, one).Prefixes());
}
BENCHMARK(ExceptToPrefixes);

void Contains(benchmark::State& state) {
  const AddressSet set = AddressSet::Of(Hosts(10'000));
  const Address address = *Address::Parse("10.0.39.1");
  for (auto _ : state) benchmark::DoNotOptimize(set.Contains(address));
}
BENCHMARK(Contains);

}  // namespace
}  // namespace podgate::ipset

BENCHMARK_MAIN();
