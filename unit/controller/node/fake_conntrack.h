// Conntrack in memory. It remembers what was asked of it; a test may change it between two entries
// of a walk.
#pragma once

#include <algorithm>
#include <functional>
#include <mutex>
#include <set>
#include <vector>

#include "controller/node/conntrack.h"

namespace podgate::controller {

// Any thread, so that a test may look while the cutter works.
class FakeConntrack : public Conntrack {
 public:
  nft::Status Walk(const Tell& tell) override {
    std::vector<nft::Flow> flows;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!walk_status_.ok()) return walk_status_;
      flows.assign(flows_.begin(), flows_.end());
      ++walks_;
    }
    for (const nft::Flow& flow : flows) {
      if (!tell(flow)) break;
    }
    return {};
  }
  nft::Result<std::optional<nft::Flow>> Find(std::uint8_t protocol, const nft::FlowTuple& original,
                                             std::uint16_t zone) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find_if(flows_.begin(), flows_.end(), [&](const nft::Flow& flow) {
      return flow.protocol == protocol && flow.original == original && flow.original_zone == zone;
    });
    return found == flows_.end() ? std::nullopt : std::optional<nft::Flow>(*found);
  }
  nft::Result<Counts> Cut(std::span<const nft::Flow> flows) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    largest_cut_ = std::max(largest_cut_, flows.size());
    Counts counts;
    for (const nft::Flow& flow : flows) {
      if (flows_.erase(flow) == 0) continue;
      ++counts.deleted;
      if (!nft::NeedsSeal(flow)) continue;
      nft::Flow seal = nft::SealOf(flow);
      seal.id = ++next_id_;
      flows_.insert(seal);
      ++counts.sealed;
    }
    return counts;
  }
  nft::Result<bool> Seal(const nft::Flow&) override { return true; }
  nft::Result<std::size_t> Delete(std::span<const nft::Flow> flows) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::size_t deleted = 0;
    for (const nft::Flow& flow : flows) deleted += flows_.erase(flow);
    return deleted;
  }
  nft::Result<nft::Addresses> NodeAddresses() override { return node; }

  void Add(nft::Flow flow) {
    const std::lock_guard<std::mutex> lock(mutex_);
    flow.id = ++next_id_;
    flows_.insert(std::move(flow));
  }
  void Refuse(nft::Status status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    walk_status_ = std::move(status);
  }
  std::vector<nft::Flow> Flows(bool seals) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<nft::Flow> flows;
    std::copy_if(flows_.begin(), flows_.end(), std::back_inserter(flows),
                 [&](const nft::Flow& flow) { return nft::IsSeal(flow) == seals; });
    return flows;
  }
  int walks() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return walks_;
  }
  std::size_t largest_cut() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return largest_cut_;
  }

  nft::Addresses node;  // set before the cutter runs

 private:
  mutable std::mutex mutex_;
  std::set<nft::Flow> flows_;
  nft::Status walk_status_;
  std::uint32_t next_id_ = 0;
  int walks_ = 0;
  std::size_t largest_cut_ = 0;
};

}  // namespace podgate::controller
