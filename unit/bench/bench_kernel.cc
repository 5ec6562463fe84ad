// The real kernel: what a commit costs, alone, with a monitor that is away around it (as the agent
// does for its own) and with one that stays (as others' commits meet it); and what a look at the
// table costs, read or only compared. Makes a network namespace of its own; needs CAP_SYS_ADMIN for
// that.
#include <benchmark/benchmark.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "nft/kernel/monitor.h"
#include "nft/kernel/netlink.h"
#include "nft/plan/diff.h"

namespace podgate::nft {
namespace {

enum Listener { kNone, kAway, kStays };
constexpr const char* kNames[] = {"none", "away", "stays"};

// One set to which elements come and from which they go, in a table of its own.
class Table {
 public:
  explicit Table(std::uint32_t elements) {
    auto opened = OpenNetlink();
    if (!opened.ok()) return;
    kernel_ = std::move(opened).value();
    const Set set{"peers", {Field::kIpv4Addr}, false, false, 1u << 18};
    add_.set = delete_.set = set.name;
    add_.key = delete_.key = set.key;
    for (std::uint32_t i = 0; i < elements; ++i) {
      add_.elements.push_back({AddressKey(ipset::Address::FromIPv4(0x0a000000 + i)), "", {}});
    }
    delete_.elements = add_.elements;
    ready_ = Commit(AddTable{}) && Commit(AddSet{set});
  }
  ~Table() {
    if (ready_) Commit(DeleteTable{});
  }
  bool ready() const { return ready_; }
  bool Add() { return Commit(add_); }
  bool Delete() { return Commit(delete_); }

 private:
  bool Commit(const Operation& operation) {
    return kernel_->Commit({Phase::kFlip, "bench", {operation}}).ok();
  }
  std::unique_ptr<Kernel> kernel_;
  AddElements add_;
  DeleteElements delete_;
  bool ready_ = false;
};

// Two commits in each turn: the elements come, and go.
void BM_Commit(benchmark::State& state) {
  Table table(static_cast<std::uint32_t>(state.range(0)));
  const auto listener = static_cast<Listener>(state.range(1));
  std::unique_ptr<Monitor> monitor;
  if (listener != kNone) {
    auto opened = OpenMonitor();
    if (opened.ok()) monitor = std::move(opened).value();
  }
  if (!table.ready() || (listener != kNone && !monitor)) {
    state.SkipWithError("no access to nftables");
    return;
  }
  Monitor* away = listener == kAway ? monitor.get() : nullptr;
  for (auto _ : state) {
    bool committed = false;
    {
      const MonitorAway pause(away);
      committed = table.Add();
    }
    {
      const MonitorAway pause(away);
      committed &= table.Delete();
    }
    if (!committed) state.SkipWithError("a commit was refused");
    if (listener == kStays) benchmark::DoNotOptimize(monitor->Take());
  }
  state.SetItemsProcessed(2 * state.iterations());
  state.SetLabel(std::string("listener: ") + kNames[listener]);
}
BENCHMARK(BM_Commit)
    ->ArgsProduct({{1, 100, 20'000}, {kNone, kAway, kStays}})
    ->Unit(benchmark::kMicrosecond);

// 110 pods of two chains, 60 sets that share the elements.
Ruleset Node(std::uint32_t elements) {
  Ruleset ruleset;
  ruleset.table = "bench";
  for (std::uint32_t i = 0; i < 60; ++i) {
    Set set{"peers-" + std::to_string(i), {Field::kIpv4Addr}, false, false, 1u << 14};
    for (std::uint32_t j = 0; j < elements / 60; ++j) {
      set.elements.push_back({AddressKey(ipset::Address::FromIPv4(0x0a000000 + j)), "", {}});
    }
    ruleset.sets[set.name] = std::move(set);
  }
  for (std::uint32_t i = 0; i < 220; ++i) {
    const MatchAddressSet peers{Side::kSource, Family::kIPv4, "peers-" + std::to_string(i % 60)};
    const std::string name = "chain-" + std::to_string(i);
    ruleset.chains[name] = {
        name,
        std::nullopt,
        {Rule{{MatchPort{kTcp, 80, 80}, peers}, {}, Verdict{}, "policy default/allow-web"},
         Rule{{}, {}, Verdict{Verdict::Kind::kDrop, ""}, ""}}};
  }
  return ruleset;
}

enum Look { kRead, kHolds };

void BM_Look(benchmark::State& state) {
  const Ruleset node = Node(static_cast<std::uint32_t>(state.range(0)));
  auto opened = OpenNetlink();
  if (!opened.ok() || !CommitAll(opened.value().get(), Diff(nullptr, node)).ok()) {
    state.SkipWithError("no access to nftables");
    return;
  }
  Kernel* kernel = opened.value().get();
  const bool reads = state.range(1) == kRead;
  for (auto _ : state) {
    const bool ok = reads ? kernel->Read(node.table).ok() : kernel->Holds(node).value();
    if (!ok) state.SkipWithError("the table cannot be read");
  }
  state.SetLabel(reads ? "read" : "compared");
  if (!kernel->Commit({Phase::kSweep, node.table, {DeleteTable{}}}).ok()) {
    state.SkipWithError("the table cannot be deleted");
  }
}
BENCHMARK(BM_Look)
    ->ArgsProduct({{0, 10'000, 100'000}, {kRead, kHolds}})
    ->Unit(benchmark::kMicrosecond);

void BM_LeaveAndJoin(benchmark::State& state) {
  auto opened = OpenMonitor();
  if (!opened.ok()) {
    state.SkipWithError("no access to nftables");
    return;
  }
  for (auto _ : state) const MonitorAway away(opened.value().get());
}
BENCHMARK(BM_LeaveAndJoin)->Unit(benchmark::kMicrosecond);

void BM_Generation(benchmark::State& state) {
  auto opened = OpenNetlink();
  if (!opened.ok()) {
    state.SkipWithError("no access to nftables");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(opened.value()->Generation());
}
BENCHMARK(BM_Generation)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace podgate::nft

int main(int argc, char** argv) {
  if (unshare(CLONE_NEWNET) != 0) {
    std::fprintf(stderr, "cannot make a network namespace: %s\n", std::strerror(errno));
    return 1;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
