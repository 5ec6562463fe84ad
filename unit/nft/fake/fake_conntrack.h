// Conntrack in memory. It remembers what was asked of it; a test may change it between two entries
// of a walk.
#pragma once

#include <algorithm>
#include <functional>
#include <mutex>
#include <set>
#include <vector>

#include "nft/conntrack/conntrack.h"

namespace podgate::nft {

// Any thread, so that a test may look while the agent works.
class FakeConntrack : public Conntrack {
 public:
  Status Walk(const Tell& tell) override {
    std::vector<Flow> flows;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!walk_status_.ok()) return walk_status_;
      flows.assign(flows_.begin(), flows_.end());
      ++walks_;
    }
    for (const Flow& flow : flows) {
      if (!tell(flow)) break;
    }
    return {};
  }
  using Conntrack::Walk;
  // As if the kernel were asked for each end.
  Status Walk(const std::set<FlowEnd>& ends, const Tell& tell, const Pause& pause) override {
    FlowScope scope;
    for (const FlowEnd& end : ends) scope.Add(end);
    const bool v6 = std::any_of(ends.begin(), ends.end(), [](const FlowEnd& end) {
      return end.address.family() == ipset::Family::kIPv6;
    });
    std::vector<Flow> flows;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!walk_status_.ok()) return walk_status_;
      std::copy_if(flows_.begin(), flows_.end(), std::back_inserter(flows), [&](const Flow& flow) {
        return scope.Contains(flow) ||
               (v6 && flow.original.source.family() == ipset::Family::kIPv6);
      });
      ++picks_;
    }
    for (const Flow& flow : flows) {
      if (!tell(flow)) break;
    }
    for (std::size_t i = 1; i < ends.size() && pause(); ++i) {
    }
    return {};
  }
  Result<std::optional<Flow>> Find(std::uint8_t protocol, const FlowTuple& original,
                                   std::uint16_t zone) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find_if(flows_.begin(), flows_.end(), [&](const Flow& flow) {
      return flow.protocol == protocol && flow.original == original && flow.original_zone == zone;
    });
    return found == flows_.end() ? std::nullopt : std::optional<Flow>(*found);
  }
  Result<Counts> Cut(std::span<const Flow> flows) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    largest_cut_ = std::max(largest_cut_, flows.size());
    Counts counts;
    for (const Flow& flow : flows) {
      if (flows_.erase(flow) == 0) continue;
      ++counts.deleted;
      if (!NeedsTombstone(flow)) continue;
      Flow tombstone = TombstoneOf(flow);
      tombstone.id = ++next_id_;
      flows_.insert(tombstone);
      counts.tombstoned.push_back(flow);
    }
    return counts;
  }
  Result<bool> Tombstone(const Flow&) override { return true; }
  Result<std::vector<Renewal>> Renew(std::span<const Flow> tombstones) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Renewal> renewed;
    for (const Flow& tombstone : tombstones) {
      const auto found = std::find_if(flows_.begin(), flows_.end(), [&](const Flow& flow) {
        return IsTombstone(flow) && flow.protocol == tombstone.protocol &&
               flow.original == tombstone.original;
      });
      renewed.push_back(found == flows_.end() ? Renewal::kGone
                        : lose_renewed_       ? Renewal::kLost
                                              : Renewal::kRenewed);
      if (found == flows_.end()) continue;
      flows_.erase(found);
      if (lose_renewed_) continue;
      Flow anew = TombstoneOf(FlowOfTombstone(tombstone));
      anew.id = ++next_id_;
      flows_.insert(anew);
    }
    return renewed;
  }
  Result<Usage> GetUsage() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return Usage{.entries = flows_.size(), .most = most_entries_};
  }
  Result<std::size_t> Delete(std::span<const Flow> flows) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::size_t deleted = 0;
    for (const Flow& flow : flows) deleted += flows_.erase(flow);
    return deleted;
  }

  void Add(Flow flow) {
    const std::lock_guard<std::mutex> lock(mutex_);
    flow.id = ++next_id_;
    flows_.insert(std::move(flow));
  }
  void SetMostEntries(std::uint64_t entries) {
    const std::lock_guard<std::mutex> lock(mutex_);
    most_entries_ = entries;
  }
  // As if other ends always came first.
  void LoseRenewed() {
    const std::lock_guard<std::mutex> lock(mutex_);
    lose_renewed_ = true;
  }
  void Refuse(Status status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    walk_status_ = std::move(status);
  }
  std::vector<Flow> Flows(bool tombstones) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Flow> flows;
    std::copy_if(flows_.begin(), flows_.end(), std::back_inserter(flows),
                 [&](const Flow& flow) { return IsTombstone(flow) == tombstones; });
    return flows;
  }
  int walks() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return walks_;
  }
  int picks() const {  // walks over the entries of some ends
    const std::lock_guard<std::mutex> lock(mutex_);
    return picks_;
  }
  std::size_t largest_cut() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return largest_cut_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<Flow> flows_;
  Status walk_status_;
  std::uint32_t next_id_ = 0;
  bool lose_renewed_ = false;
  int walks_ = 0;
  int picks_ = 0;
  std::uint64_t most_entries_ = 0;
  std::size_t largest_cut_ = 0;
};

}  // namespace podgate::nft
