#include "compiler/incremental/local_policies.h"

#include <algorithm>

namespace podgate::compiler {

std::optional<NetworkPolicy> LocalPolicies::Find(const ObjectKey& key) const {
  const auto it = policies_.find(key);
  if (it == policies_.end()) return std::nullopt;
  return it->second.packed.Unpack();
}

bool LocalPolicies::Holds(const NetworkPolicy& policy) const {
  const auto it = policies_.find(policy.key);
  return it != policies_.end() && it->second.packed == PackedPolicy(policy);
}

void LocalPolicies::Put(const NetworkPolicy& policy) {
  Remove(policy.key);
  const Policies::value_type& placed = *policies_.try_emplace(policy.key, policy, symbols_).first;
  by_namespace_[policy.key.ns].Add(placed.second.selector, &placed);
}

void LocalPolicies::Remove(const ObjectKey& key) {
  in_use_.erase(key);
  const auto it = policies_.find(key);
  if (it == policies_.end()) return;
  const auto here = by_namespace_.find(key.ns);
  here->second.Remove(it->second.selector, &*it);
  if (here->second.empty()) by_namespace_.erase(here);
  policies_.erase(it);
}

std::vector<const NetworkPolicy*> LocalPolicies::Selecting(const std::string& ns,
                                                           const InternedLabels& labels) {
  std::vector<const NetworkPolicy*> result;
  const auto here = by_namespace_.find(ns);
  if (here == by_namespace_.end()) return result;
  here->second.VisitCandidates(labels, [&](const Policies::value_type* entry) {
    const auto& [key, policy] = *entry;
    if (!policy.selector.Matches(labels)) return;
    auto it = in_use_.find(key);
    if (it == in_use_.end()) it = in_use_.emplace(key, policy.packed.Unpack()).first;
    result.push_back(&it->second);
  });
  std::sort(result.begin(), result.end(),
            [](const NetworkPolicy* a, const NetworkPolicy* b) { return a->key < b->key; });
  return result;
}

bool LocalPolicies::Selects(const ObjectKey& policy, const InternedLabels& labels) const {
  const auto it = policies_.find(policy);
  return it != policies_.end() && it->second.selector.Matches(labels);
}

}  // namespace podgate::compiler
