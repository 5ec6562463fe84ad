// The cluster's NetworkPolicies, and which of them select given pods of their namespace. One
// thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/interned_selector.h"
#include "compiler/model.h"
#include "compiler/selector_index.h"

namespace podgate::compiler {

bool SamePolicy(const NetworkPolicy& a, const NetworkPolicy& b);

class LocalPolicies {
 public:
  explicit LocalPolicies(Symbols* symbols) : symbols_(symbols) {}

  const NetworkPolicy* Find(const ObjectKey& key) const;
  void Put(NetworkPolicy policy);
  void Remove(const ObjectKey& key);

  // By key.
  std::vector<const NetworkPolicy*> Selecting(const std::string& ns,
                                              const InternedLabels& labels) const;
  // False when there is no such policy.
  bool Selects(const ObjectKey& policy, const InternedLabels& labels) const;

  const std::map<ObjectKey, NetworkPolicy>& all() const { return policies_; }

 private:
  Symbols* symbols_;
  std::map<ObjectKey, NetworkPolicy> policies_;
  std::map<ObjectKey, std::unique_ptr<InternedSelector>> selectors_;
  std::map<std::string, SelectorIndex<const NetworkPolicy>> by_namespace_;
};

}  // namespace podgate::compiler
