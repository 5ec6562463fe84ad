#include "controller/agent/quarantine.h"

#include <algorithm>
#include <optional>

namespace podgate::controller {
namespace {

using compiler::Address;
using compiler::ObjectKey;
using compiler::Pod;

// No namespace of an API server can have this name, and none is ever added to the cluster under it.
constexpr const char* kQuarantine = "~unreadable";
constexpr const char* kIsolate = "isolate";  // the policy there

}  // namespace

// A pod that was created in the same second proves nothing.
bool Quarantine::TakenOver(const Address& address, const Held& held) const {
  const std::vector<Pod> pods = pipeline_->PodsAt(address);
  return std::any_of(pods.begin(), pods.end(), [&held](const Pod& pod) {
    return pod.key.ns != kQuarantine && pod.node == held.pod.node && pod.created > held.pod.created;
  });
}

void Quarantine::AddEarlier(const std::vector<Address>& addresses, const ObjectKey& key,
                            Held* held) {
  for (const Address& address : addresses) {
    if (held->earlier.insert(address).second) earlier_.emplace(address, key);
  }
}

void Quarantine::RemoveEarlier(const Address& address, const ObjectKey& key, Held* held) {
  held->earlier.erase(address);
  earlier_.erase({address, key});
}

bool Quarantine::Put(const Held& held) {
  Pod pod = held.pod;
  pod.addresses = held.now;
  pod.addresses.insert(pod.addresses.end(), held.earlier.begin(), held.earlier.end());
  std::sort(pod.addresses.begin(), pod.addresses.end());
  return pipeline_->Put(pod);
}

bool Quarantine::Take(Pod pod) {
  const ObjectKey key = pod.key;
  Held& held = held_[key];
  if (const std::optional<Pod> readable = pipeline_->FindPod(key)) {
    AddEarlier(readable->addresses, key, &held);
    held.pod.node = readable->node;
    held.pod.created = readable->created;
  }
  AddEarlier(held.now, key, &held);
  held.now = std::move(pod.addresses);
  std::sort(held.now.begin(), held.now.end());
  held.now.erase(std::unique(held.now.begin(), held.now.end()), held.now.end());
  for (const Address& address : held.now) RemoveEarlier(address, key, &held);

  if (pod.node.empty()) pod.node = held.pod.node;
  if (pod.created.empty()) pod.created = held.pod.created;
  pod.key = {kQuarantine, key.ToString()};
  pod.labels.clear();
  pod.ports.clear();
  pod.addresses.clear();
  pod.finished = false;
  held.pod = std::move(pod);

  bool changed = pipeline_->RemovePod(key);
  const std::set<Address> earlier = held.earlier;
  for (const Address& address : earlier)
    if (TakenOver(address, held)) RemoveEarlier(address, key, &held);
  compiler::NetworkPolicy isolate;
  isolate.key = {kQuarantine, kIsolate};
  isolate.isolates_egress = true;
  changed = pipeline_->Put(isolate) || changed;
  return Put(held) || changed;
}

bool Quarantine::Release(const ObjectKey& key) {
  const auto it = held_.find(key);
  if (it == held_.end()) return false;
  for (const Address& address : it->second.earlier) earlier_.erase({address, key});
  pipeline_->RemovePod(it->second.pod.key);
  held_.erase(it);
  if (held_.empty()) pipeline_->RemovePolicy({kQuarantine, kIsolate});
  return true;
}

bool Quarantine::GiveWayTo(const Pod& pod) {
  if (earlier_.empty()) return false;
  bool changed = false;
  for (const Address& address : pod.addresses) {
    std::vector<ObjectKey> holders;
    for (auto it = earlier_.lower_bound({address, {}});
         it != earlier_.end() && it->first == address; ++it)
      holders.push_back(it->second);
    for (const ObjectKey& holder : holders) {
      Held& held = held_.at(holder);
      if (!TakenOver(address, held)) continue;
      RemoveEarlier(address, holder, &held);
      changed = Put(held) || changed;
    }
  }
  return changed;
}

}  // namespace podgate::controller
