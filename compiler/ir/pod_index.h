// From selectors to pods: which pods are there, which addresses they own, and which of them a term
// selects, without looking at every pod for every selector. Pure; refers to the cluster it was made
// from.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/ir/owners.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

class PodIndex {
 public:
  PodIndex(const Cluster& cluster, const OwnerMap& owners);

  // Addresses whose owners the term selects, all of them; sorted.
  std::vector<Address> Members(const PodTerm& term);

 private:
  struct Entry {
    const Pod* pod;
    std::vector<Address> addresses;  // that the pod alone owns
    // And those of which it is the first of several owners.
    std::vector<std::pair<Address, const AddressOwners*>> shared;
  };
  using Posting = std::vector<std::size_t>;  // indices into entries
  struct NamespacePods {
    std::vector<Entry> entries;
    // Label (key, zero byte, value) to the pods that have it; made when a selector first asks.
    std::unordered_map<std::string, Posting> by_label;
    bool labels_indexed = false;
  };

  void Collect(NamespacePods* in, const PodTerm& term, std::vector<Address>* out);
  bool Selects(const PodTerm& term, const Pod& pod) const;
  const std::vector<NamespacePods*>& Namespaces(const LabelSelector& selector);

  const Cluster& cluster_;
  const OwnerMap& owners_;
  std::map<std::string, NamespacePods> namespaces_;
  std::map<LabelSelector, std::vector<NamespacePods*>> selected_namespaces_;
};

}  // namespace podgate::compiler
