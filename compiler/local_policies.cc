#include "compiler/local_policies.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace podgate::compiler {

bool SamePolicy(const NetworkPolicy& a, const NetworkPolicy& b) {
  const auto fields = [](const NetworkPolicy& p) {
    return std::tie(p.key, p.uid, p.pods, p.isolates_ingress, p.isolates_egress, p.ingress,
                    p.egress, p.errors);
  };
  return fields(a) == fields(b);
}

const NetworkPolicy* LocalPolicies::Find(const ObjectKey& key) const {
  const auto it = policies_.find(key);
  return it == policies_.end() ? nullptr : &it->second;
}

void LocalPolicies::Put(NetworkPolicy policy) {
  Remove(policy.key);
  const ObjectKey key = policy.key;
  auto selector = std::make_unique<InternedSelector>(policy.pods, symbols_);
  const NetworkPolicy& placed = policies_.emplace(key, std::move(policy)).first->second;
  by_namespace_[key.ns].Add(*selector, &placed);
  selectors_.emplace(key, std::move(selector));
}

void LocalPolicies::Remove(const ObjectKey& key) {
  const auto policy = policies_.find(key);
  if (policy == policies_.end()) return;
  const auto selector = selectors_.find(key);
  const auto here = by_namespace_.find(key.ns);
  here->second.Remove(*selector->second, &policy->second);
  if (here->second.empty()) by_namespace_.erase(here);
  selectors_.erase(selector);
  policies_.erase(policy);
}

std::vector<const NetworkPolicy*> LocalPolicies::Selecting(const std::string& ns,
                                                           const InternedLabels& labels) const {
  std::vector<const NetworkPolicy*> result;
  const auto here = by_namespace_.find(ns);
  if (here == by_namespace_.end()) return result;
  here->second.VisitCandidates(labels, [&](const NetworkPolicy* policy) {
    if (selectors_.at(policy->key)->Matches(labels)) result.push_back(policy);
  });
  std::sort(result.begin(), result.end(),
            [](const NetworkPolicy* a, const NetworkPolicy* b) { return a->key < b->key; });
  return result;
}

bool LocalPolicies::Selects(const ObjectKey& policy, const InternedLabels& labels) const {
  const auto it = selectors_.find(policy);
  return it != selectors_.end() && it->second->Matches(labels);
}

}  // namespace podgate::compiler
