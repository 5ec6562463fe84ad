#include "controller/agent/flow_forgetter.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace podgate::controller {
namespace {

constexpr int kRest = 9;        // times what the loop waited
constexpr double kShare = 0.1;  // of what the process may use of a CPU
constexpr double kLeastCpus = 0.01;
constexpr std::chrono::seconds kAfterFailure{1};

// At an end where the rules see it: as the source of the first packet, or as its destination after
// DNAT. Tombstones are no flows: they keep what was cut from coming back, and end by themselves.
bool Concerns(const nft::Flow& flow, const std::set<ipset::Address>& addresses) {
  return !nft::IsTombstone(flow) &&
         (addresses.contains(flow.original.source) || addresses.contains(flow.reply.source));
}

}  // namespace

FlowForgetter::FlowForgetter(nft::Conntrack* conntrack, Logger* log, double cpus,
                             std::function<Clock::Duration()> cpu_time)
    : conntrack_(conntrack),
      log_(log),
      share_(kShare * std::clamp(cpus, kLeastCpus, 1.0)),
      cpu_time_(std::move(cpu_time)) {}

void FlowForgetter::Forget(const std::vector<ipset::Address>& addresses) {
  if (addresses.empty()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const ipset::Address& address : addresses)
    if (waiting_.size() < kMostWaiting) waiting_.insert(address);
  changed_.notify_all();
}

bool FlowForgetter::Pending(const std::vector<ipset::Address>& addresses) const {
  return std::any_of(addresses.begin(), addresses.end(), [this](const ipset::Address& address) {
    return waiting_.contains(address) || under_way_.contains(address);
  });
}

bool FlowForgetter::Await(const std::vector<ipset::Address>& addresses) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!Pending(addresses)) return true;
  const Clock::Time begun = std::chrono::steady_clock::now();
  if (begun < rest_until_ - kOnCredit) return false;
  hurry_ = true;
  changed_.notify_all();
  const bool gone =
      changed_.wait_for(lock, kMostPatience, [&] { return stopped_ || !Pending(addresses); });
  hurry_ = false;
  const Clock::Duration waited = std::chrono::steady_clock::now() - begun;
  rest_until_ = std::max(rest_until_, begun) + (1 + kRest) * waited;
  return gone && !stopped_;
}

void FlowForgetter::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    under_way_ = std::exchange(waiting_, {});
    const Addresses addresses = under_way_;
    lock.unlock();
    const Clock::Duration begun = cpu_time_();
    std::uint64_t deleted = 0;
    const nft::Status status = ForgetThose(addresses, &deleted);
    const Clock::Duration used = cpu_time_() - begun;
    auto rest = std::chrono::duration_cast<Clock::Duration>(used / share_) - used;
    if (!status.ok()) {
      log_->Error(LogMessages::kFlowsNotForgotten,
                  {{"problem", status.message()}, {"addresses", addresses.size()}});
      rest = kAfterFailure;
    } else if (deleted > 0) {
      log_->Debug(LogMessages::kFlowsForgotten,
                  {{"flows", deleted}, {"addresses", addresses.size()}});
    }
    lock.lock();
    forgotten_ += deleted;
    if (!status.ok()) waiting_.merge(under_way_);
    under_way_.clear();
    changed_.notify_all();
    const bool failed = !status.ok();
    changed_.wait_for(lock, rest, [this, failed] { return stopped_ || (hurry_ && !failed); });
  }
}

void FlowForgetter::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

std::uint64_t FlowForgetter::forgotten() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return forgotten_;
}

// What `tell` sees may be of other addresses too, and some of it twice.
nft::Status FlowForgetter::WalkOver(const Addresses& addresses, const nft::Conntrack::Tell& tell) {
  const bool picked = addresses.size() <= kMostPicked &&
                      std::all_of(addresses.begin(), addresses.end(), [](const auto& address) {
                        return address.family() == ipset::Family::kIPv4;
                      });
  if (!picked) return conntrack_->Walk(tell);
  std::set<nft::FlowEnd> ends;
  for (const ipset::Address& address : addresses)
    for (const nft::Side side : {nft::Side::kSource, nft::Side::kDestination})
      ends.insert({address, side});
  return conntrack_->Walk(ends, tell);
}

nft::Status FlowForgetter::ForgetThose(const Addresses& addresses, std::uint64_t* deleted) {
  std::vector<nft::Flow> slice;
  nft::Status failed;
  const auto flush = [&] {
    const auto count = conntrack_->Delete(slice);
    slice.clear();
    failed = count.status();
    if (count.ok()) *deleted += count.value();
    return count.ok();
  };
  const nft::Status walked = WalkOver(addresses, [&](const nft::Flow& flow) {
    if (Concerns(flow, addresses)) slice.push_back(flow);
    return failed.ok() && (slice.size() < kSlice || flush());
  });
  if (failed.ok() && !slice.empty()) flush();
  return failed.ok() ? walked : failed;
}

}  // namespace podgate::controller
