#include "controller/agent/ending_namespaces.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "compiler/codegen/direction.h"
#include "compiler/codegen/dispatch.h"
#include "controller/watch/object_size.h"

namespace podgate::controller {
namespace {

using compiler::ObjectKey;

// The table's chain for an address says in its last rule whose address it was.
bool WasIsolated(const nft::Ruleset& table, compiler::Direction direction, const ObjectKey& pod,
                 const compiler::Address& address) {
  const auto chain = table.chains.find(compiler::AddressChainName(direction, address));
  return chain != table.chains.end() && compiler::NamesPod(chain->second, pod);
}

}  // namespace

bool EndingNamespaces::PutNamespace(const compiler::Namespace& ns) {
  const auto known = ending_.find(ns.name);
  bool changed = false;
  if (known != ending_.end() && (known->second.uid != ns.uid || !ns.terminating)) {
    ending_.erase(known);
    changed = Release(ns.name);
  }
  if (!ns.terminating || !ending_.try_emplace(ns.name, Ending{ns.uid}).second) return changed;
  log_->Info(LogMessages::kNamespaceEnding, {{"namespace", ns.name}});
  return PutBack(ns.name) || changed;
}

bool EndingNamespaces::NamespaceGone(const std::string& name) {
  if (pipeline_->LocalPodsIn(name).empty()) {
    ending_.erase(name);
    return Release(name);
  }
  // Its pods went before it, but that has not been heard of yet, nor perhaps that it was to end.
  ending_[name].gone = true;
  return PutBack(name);
}

bool EndingNamespaces::PodGone(const std::string& ns) {
  const auto known = ending_.find(ns);
  // While the namespace is there, a pod of it that waited for a node may still come to this one.
  if (known == ending_.end() || !known->second.gone) return false;
  if (!pipeline_->LocalPodsIn(ns).empty()) return false;
  ending_.erase(known);
  return Release(ns);
}

bool EndingNamespaces::Release(const std::string& ns) {
  bool changed = pipeline_->ReleaseIsolation(ns);
  for (auto it = kept_.lower_bound({ns, ""}); it != kept_.end() && it->ns == ns;) {
    changed = pipeline_->RemovePolicy(*it) || changed;
    it = kept_.erase(it);
  }
  return changed;
}

// What was deleted in a namespace whose own deletion is heard of only now.
bool EndingNamespaces::PutBack(const std::string& ns) {
  for (auto it = held_.lower_bound({ns, ""}); it != held_.end() && it->first.ns == ns;) {
    Keep(it->first);
    it = held_.erase(it);
  }
  bool changed = false;
  for (auto it = remembered_.begin(); it != remembered_.end();) {
    if (it->policy.key.ns != ns) {
      ++it;
      continue;
    }
    changed = pipeline_->Put(it->policy) || changed;
    Keep(it->policy.key);
    remembered_keys_.erase(it->policy.key);
    remembered_bytes_ -= it->bytes;
    it = remembered_.erase(it);
  }
  return changed;
}

void EndingNamespaces::Keep(const ObjectKey& policy) {
  kept_.insert(policy);
  if (pipeline_->SelectsLocal(policy))
    log_->Info(LogMessages::kPolicyKept, {{"policy", policy.ToString()}});
}

void EndingNamespaces::PutPolicy(const ObjectKey& key) {
  kept_.erase(key);
  held_.erase(key);
  if (remembered_keys_.erase(key) == 0) return;
  for (auto it = remembered_.begin(); it != remembered_.end();) {
    if (it->policy.key != key) {
      ++it;
      continue;
    }
    remembered_bytes_ -= it->bytes;
    it = remembered_.erase(it);
  }
}

bool EndingNamespaces::PolicyGone(const ObjectKey& key) {
  if (kept_.contains(key) || held_.contains(key)) return false;
  if (ending_.contains(key.ns)) {
    Keep(key);
    return false;
  }
  if (!pipeline_->SelectsLocal(key)) return pipeline_->RemovePolicy(key);
  held_.emplace(key, clock_->Now() + kHold);
  return false;
}

void EndingNamespaces::Remember(compiler::NetworkPolicy policy) {
  const std::size_t bytes = SizeOf(compiler::Object(policy));
  if (bytes > kRememberedBytes) return;
  remembered_bytes_ += bytes;
  remembered_keys_.insert(policy.key);
  remembered_.push_back({std::move(policy), bytes, clock_->Now() + kRemembered});
  while (remembered_bytes_ > kRememberedBytes) ForgetOldest();
}

void EndingNamespaces::ForgetOldest() {
  remembered_bytes_ -= remembered_.front().bytes;
  remembered_keys_.erase(remembered_.front().policy.key);
  remembered_.pop_front();
}

bool EndingNamespaces::Remove(const ObjectKey& policy) {
  if (std::optional<compiler::NetworkPolicy> known = pipeline_->FindPolicy(policy))
    Remember(*std::move(known));
  return pipeline_->RemovePolicy(policy);
}

bool EndingNamespaces::Tick() {
  const Clock::Time now = clock_->Now();
  bool changed = false;
  for (auto it = held_.begin(); it != held_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    changed = Remove(it->first) || changed;
    it = held_.erase(it);
  }
  while (!remembered_.empty() && remembered_.front().until <= now) ForgetOldest();
  return changed;
}

Clock::Time EndingNamespaces::NextDue() const {
  Clock::Time next = Clock::Time::max();
  for (const auto& [policy, until] : held_) next = std::min(next, until);
  return next;
}

bool EndingNamespaces::any_local() const {
  return std::any_of(ending_.begin(), ending_.end(),
                     [this](const auto& ns) { return !pipeline_->LocalPodsIn(ns.first).empty(); });
}

bool EndingNamespaces::Recall(const nft::Ruleset& table) {
  bool changed = false;
  for (const auto& [ns, ending] : ending_) {
    for (const compiler::Pod& pod : pipeline_->LocalPodsIn(ns)) {
      for (const compiler::Direction direction : compiler::kDirections) {
        const bool was = std::any_of(
            pod.addresses.begin(), pod.addresses.end(),
            [&](const auto& address) { return WasIsolated(table, direction, pod.key, address); });
        if (!was) continue;
        pipeline_->HoldIsolation(pod.key, direction);
        changed = true;
      }
    }
  }
  return changed;
}

}  // namespace podgate::controller
