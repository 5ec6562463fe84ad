#include "compiler/ir/pod_index.h"

#include <algorithm>

#include "compiler/model/selector.h"

namespace podgate::compiler {

PodIndex::PodIndex(const Cluster& cluster, const std::vector<const Pod*>& pods,
                   const OwnerMap& owners)
    : cluster_(cluster), owners_(owners) {
  auto in = namespaces_.end();  // the pods of a namespace stand one behind the other
  for (const Pod* pod : pods) {
    if (pod->addresses.empty()) continue;
    if (in == namespaces_.end() || in->first != pod->key.ns)
      in = namespaces_.emplace_hint(namespaces_.end(), pod->key.ns, NamespacePods());
    const bool alone = owners_.empty() || std::none_of(pod->addresses.begin(), pod->addresses.end(),
                                                       [&](const Address& address) {
                                                         return owners_.contains(address);
                                                       });
    in->second.entries.push_back({pod, alone});
  }
}

// Of any pod, as it stands in the API.
bool PodIndex::Selects(const PodTerm& term, const Pod& pod) const {
  if (!Matches(term.pods, pod.labels)) return false;
  if (!term.ns.empty()) return term.ns == pod.key.ns;
  const auto known = cluster_.namespaces.find(pod.key.ns);
  return known != cluster_.namespaces.end() && Matches(term.namespaces, known->second.labels);
}

std::vector<Address> PodIndex::Members(const PodTerm& term) {
  std::vector<Address> result;
  if (!term.ns.empty()) {
    const auto it = namespaces_.find(term.ns);
    if (it != namespaces_.end()) Collect(&it->second, term, &result);
  } else {
    for (NamespacePods* in : Namespaces(term.namespaces)) Collect(in, term, &result);
  }
  std::sort(result.begin(), result.end());
  return result;
}

const std::vector<PodIndex::NamespacePods*>& PodIndex::Namespaces(const LabelSelector& selector) {
  const auto [it, is_new] = selected_namespaces_.try_emplace(selector);
  if (is_new) {
    for (auto& [name, in] : namespaces_) {
      const auto known = cluster_.namespaces.find(name);
      if (known != cluster_.namespaces.end() && Matches(selector, known->second.labels))
        it->second.push_back(&in);
    }
  }
  return it->second;
}

// The addresses of a selected pod, each told by the first of its owners, if the term selects all.
void PodIndex::Take(const Entry& entry, const PodTerm& term, std::vector<Address>* out) const {
  const std::vector<Address>& addresses = entry.pod->addresses;
  if (entry.claims_alone) {
    out->insert(out->end(), addresses.begin(), addresses.end());
    return;
  }
  for (const Address& address : addresses) {
    const auto claimed = owners_.find(address);
    if (claimed == owners_.end()) {
      out->push_back(address);
      continue;
    }
    const AddressOwners& its = claimed->second;
    if (its.first == entry.pod &&
        std::all_of(its.others.begin(), its.others.end(),
                    [&](const Pod* other) { return Selects(term, *other); }))
      out->push_back(address);
  }
}

// Looks only at the pods that meet the rarest of the selector's In requirements.
void PodIndex::Collect(NamespacePods* in, const PodTerm& term, std::vector<Address>* out) {
  const LabelSelector& selector = term.pods;
  const bool has_in =
      std::any_of(selector.requirements.begin(), selector.requirements.end(),
                  [](const Requirement& r) { return r.op == Requirement::Operator::kIn; });
  if (!has_in) {
    for (const Entry& entry : in->entries)
      if (Matches(selector, entry.pod->labels)) Take(entry, term, out);
    return;
  }
  if (!in->labels_indexed) {
    for (std::size_t i = 0; i < in->entries.size(); ++i)
      for (const auto& [key, value] : in->entries[i].pod->labels)
        in->by_label[Label(key, value)].push_back(i);
    in->labels_indexed = true;
  }
  // A pod has one value for each key, so the postings of one requirement are disjoint.
  std::vector<const Posting*> rarest;
  std::size_t fewest = static_cast<std::size_t>(-1);
  for (const Requirement& requirement : selector.requirements) {
    if (requirement.op != Requirement::Operator::kIn) continue;
    std::vector<const Posting*> postings;
    std::size_t count = 0;
    for (const std::string& value : requirement.values) {
      const auto it = in->by_label.find(Label(requirement.key, value));
      if (it == in->by_label.end()) continue;
      postings.push_back(&it->second);
      count += it->second.size();
    }
    if (count < fewest) {
      fewest = count;
      rarest = std::move(postings);
    }
  }
  for (const Posting* posting : rarest)
    for (const std::size_t i : *posting)
      if (Matches(selector, in->entries[i].pod->labels)) Take(in->entries[i], term, out);
}

}  // namespace podgate::compiler
