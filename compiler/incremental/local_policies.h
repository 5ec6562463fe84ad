// The cluster's NetworkPolicies, and which of them select given pods of their namespace. One
// thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/incremental/interned_selector.h"
#include "compiler/incremental/packed_policy.h"
#include "compiler/incremental/selector_index.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

class LocalPolicies {
 public:
  explicit LocalPolicies(Symbols* symbols) : symbols_(symbols) {}

  std::size_t size() const { return policies_.size(); }
  bool Contains(const ObjectKey& key) const { return policies_.contains(key); }
  std::optional<NetworkPolicy> Find(const ObjectKey& key) const;
  // The policy is known and equal.
  bool Holds(const NetworkPolicy& policy) const;
  void Put(const NetworkPolicy& policy);
  void Remove(const ObjectKey& key);

  // By key. They stay readable until they are changed, removed or put away.
  std::vector<const NetworkPolicy*> Selecting(const std::string& ns, const InternedLabels& labels);
  // False when there is no such policy.
  bool Selects(const ObjectKey& policy, const InternedLabels& labels) const;

  // The policies that Selecting() has given out and that have not been put away since.
  const std::map<ObjectKey, NetworkPolicy>& in_use() const { return in_use_; }
  void PutAway(const ObjectKey& policy) { in_use_.erase(policy); }

 private:
  struct Entry {
    Entry(const NetworkPolicy& policy, Symbols* symbols)
        : packed(policy), selector(policy.pods, symbols) {}
    PackedPolicy packed;
    InternedSelector selector;
  };
  using Policies = std::map<ObjectKey, Entry>;

  Symbols* symbols_;
  Policies policies_;
  std::map<std::string, SelectorIndex<const Policies::value_type>> by_namespace_;
  std::map<ObjectKey, NetworkPolicy> in_use_;
};

}  // namespace podgate::compiler
