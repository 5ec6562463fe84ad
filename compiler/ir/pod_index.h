// From selectors to pods: which pods are there, which addresses they own, and which of them a term
// selects, without looking at every pod for every selector. Pure; refers to the cluster it was made
// from.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

// Whether a pod counts at all: finished and hostNetwork pods are never selected and never peers.
inline bool IsThere(const Pod& pod) { return !pod.finished && !pod.host_network; }

class PodIndex {
 public:
  using OwnerMap = std::map<Address, const Pod*>;

  PodIndex(const Cluster& cluster, const OwnerMap& owners);

  // Addresses of the pods that the term selects; sorted.
  std::vector<Address> Members(const PodTerm& term);

  // The addresses that the pod owns; sorted. Empty for a pod that is not there.
  std::vector<Address> AddressesOf(const Pod& pod) const;

 private:
  struct Entry {
    const Pod* pod;
    std::vector<Address> addresses;
  };
  using Posting = std::vector<std::size_t>;  // indices into entries
  struct NamespacePods {
    std::vector<Entry> entries;
    // Label (key, zero byte, value) to the pods that have it; made when a selector first asks.
    std::unordered_map<std::string, Posting> by_label;
    bool labels_indexed = false;
  };

  void Collect(NamespacePods* in, const LabelSelector& selector, std::vector<Address>* out);
  const std::vector<NamespacePods*>& Namespaces(const LabelSelector& selector);

  const Cluster& cluster_;
  const OwnerMap& owners_;
  std::map<std::string, NamespacePods> namespaces_;
  std::map<LabelSelector, std::vector<NamespacePods*>> selected_namespaces_;
};

}  // namespace podgate::compiler
