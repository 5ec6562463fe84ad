// From selectors to pods: which pods are there, which addresses they own, and which of them a term
// selects, without looking at every pod for every selector. Pure; refers to the cluster it was made
// from.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/ir/owners.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

class PodIndex {
 public:
  // `pods`: PodsThere() of the cluster and node. `owners`: OwnersOfClaimedTwice() of them.
  PodIndex(const Cluster& cluster, const std::vector<const Pod*>& pods, const OwnerMap& owners);

  // Addresses whose owners the term selects, all of them; sorted.
  std::vector<Address> Members(const PodTerm& term);

 private:
  struct Entry {
    const Pod* pod;
    bool claims_alone;  // no other pod claims any of its addresses
  };
  using Posting = std::vector<std::size_t>;  // indices into entries
  using Label = std::pair<std::string_view, std::string_view>;
  // By lengths first, which differ more often than they agree: only an order is needed.
  struct ByLengths {
    bool operator()(const Label& a, const Label& b) const {
      if (a.first.size() != b.first.size()) return a.first.size() < b.first.size();
      if (a.second.size() != b.second.size()) return a.second.size() < b.second.size();
      return a < b;
    }
  };
  struct NamespacePods {
    std::vector<Entry> entries;
    // Label to the pods that have it; made when a selector first asks. In order, since tenants
    // choose labels: nobody can make them meet in one bucket.
    std::map<Label, Posting, ByLengths> by_label;
    bool labels_indexed = false;
  };

  void Collect(NamespacePods* in, const PodTerm& term, std::vector<Address>* out);
  void Take(const Entry& entry, const PodTerm& term, std::vector<Address>* out) const;
  bool Selects(const PodTerm& term, const Pod& pod) const;
  const std::vector<NamespacePods*>& Namespaces(const LabelSelector& selector);

  const Cluster& cluster_;
  const OwnerMap& owners_;
  std::map<std::string, NamespacePods> namespaces_;
  std::map<LabelSelector, std::vector<NamespacePods*>> selected_namespaces_;
};

}  // namespace podgate::compiler
