// What a listener to nftables transactions costs commits: the kernel alone, with a monitor that is
// away around the commit (as the agent does for its own), and with one that stays (as others'
// commits meet it). Makes a network namespace of its own; needs CAP_SYS_ADMIN for that.
#include <benchmark/benchmark.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "nft/monitor.h"
#include "nft/netlink.h"

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
