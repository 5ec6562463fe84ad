#include "controller/agent/further_table.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace podgate::controller {
namespace {

using compiler::Address;
using compiler::ObjectKey;

// Both sorted.
std::vector<Address> Without(const std::vector<Address>& all, const std::vector<Address>& some) {
  std::vector<Address> left;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(left));
  return left;
}

std::vector<Address> Both(const std::vector<Address>& a, const std::vector<Address>& b) {
  std::vector<Address> all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

}  // namespace

bool FurtherTable::IsAdded(const ObjectKey& pod, const Address& address) const {
  const auto added = added_.find(pod);
  return added != added_.end() &&
         std::binary_search(added->second.begin(), added->second.end(), address);
}

bool FurtherTable::ToldByAnother(const Address& address, const ObjectKey& pod) const {
  const std::vector<compiler::Pod> pods = pipeline_->PodsAt(address);
  return std::any_of(pods.begin(), pods.end(), [&](const compiler::Pod& other) {
    return other.key != pod && !IsAdded(other.key, address);
  });
}

// What is to be added to a pod with the addresses that its status tells, sorted.
FurtherTable::Addresses FurtherTable::For(const ObjectKey& pod, const std::string& uid,
                                          const Addresses& told) const {
  const auto learnt = learnt_.find(pod);
  if (learnt == learnt_.end() || learnt->second.uid != uid) return {};
  Addresses addresses = Without(learnt->second.addresses, told);
  std::erase_if(addresses, [&](const Address& address) { return ToldByAnother(address, pod); });
  return addresses;
}

void FurtherTable::SetAdded(const ObjectKey& pod, Addresses addresses) {
  if (const auto before = added_.find(pod); before != added_.end()) {
    for (const Address& address : before->second) {
      const auto pods = added_to_.find(address);
      pods->second.erase(pod);
      if (pods->second.empty()) added_to_.erase(pods);
    }
    added_.erase(before);
  }
  if (addresses.empty()) return;
  for (const Address& address : addresses) added_to_[address].insert(pod);
  added_.emplace(pod, std::move(addresses));
}

bool FurtherTable::Refresh(const ObjectKey& key) {
  std::optional<compiler::Pod> pod = pipeline_->FindPod(key);
  if (!pod) {
    SetAdded(key, {});
    return false;
  }
  const auto added = added_.find(key);
  const Addresses before = added == added_.end() ? Addresses() : added->second;
  const Addresses told = Without(pod->addresses, before);
  Addresses now = For(key, pod->uid, told);
  if (now == before) return false;
  pod->addresses = Both(told, now);
  SetAdded(key, std::move(now));
  return pipeline_->Put(*pod);
}

bool FurtherTable::Learn(const FurtherAddresses& further) {
  std::set<ObjectKey> pods;
  for (const auto& [pod, addresses] : added_) pods.insert(pod);
  learnt_.clear();
  for (const FurtherAddresses::OfPod& pod : further.pods) {
    if (pod.taken.empty()) continue;
    pods.insert(pod.key);
    learnt_[pod.key] = {pod.uid, pod.taken};
  }
  bool changed = false;
  for (const ObjectKey& pod : pods) changed = Refresh(pod) || changed;
  return changed;
}

void FurtherTable::AddTo(compiler::Pod* pod) {
  std::sort(pod->addresses.begin(), pod->addresses.end());
  for (const Address& address : pod->addresses) {
    const auto pods = added_to_.find(address);
    if (pods == added_to_.end()) continue;
    for (const ObjectKey& other : std::set<ObjectKey>(pods->second)) {
      if (other == pod->key) continue;
      std::optional<compiler::Pod> loser = pipeline_->FindPod(other);
      SetAdded(other, Without(added_.at(other), {address}));
      if (!loser) continue;
      loser->addresses = Without(loser->addresses, {address});
      pipeline_->Put(*loser);
    }
  }
  Addresses further = For(pod->key, pod->uid, pod->addresses);
  pod->addresses = Both(pod->addresses, further);
  SetAdded(pod->key, std::move(further));
}

void FurtherTable::TakeFrom(std::vector<compiler::Pipeline::LocalPod>* pods) const {
  for (compiler::Pipeline::LocalPod& pod : *pods) {
    const auto added = added_.find(pod.key);
    if (added != added_.end()) pod.addresses = Without(pod.addresses, added->second);
  }
  // A pod whose status tells none has none.
  std::erase_if(*pods, [](const auto& pod) { return pod.addresses.empty(); });
}

}  // namespace podgate::controller
