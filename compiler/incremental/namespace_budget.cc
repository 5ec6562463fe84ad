#include "compiler/incremental/namespace_budget.h"

#include <algorithm>

namespace podgate::compiler {

NamespaceBudget::Use NamespaceBudget::FixedOf(const nft::Ruleset& piece) {
  Use use;
  for (const auto& [name, set] : piece.sets) {
    ++use.sets;
    use.elements += set.elements.size();
  }
  return use;
}

void NamespaceBudget::Enter(const std::string& ns, const Use& use) {
  Space& space = spaces_[ns];
  ++space.classes;
  space.sets += use.sets;
  space.elements += use.elements;
  for (MemberSet* set : use.shared) ++space.shared[set];
}

void NamespaceBudget::Leave(const std::string& ns, const Use& use) {
  const auto it = spaces_.find(ns);
  if (it == spaces_.end()) return;
  Space& space = it->second;
  space.sets -= use.sets;
  space.elements -= use.elements;
  for (MemberSet* set : use.shared)
    if (const auto found = space.shared.find(set); --found->second == 0) space.shared.erase(found);
  if (--space.classes == 0) spaces_.erase(it);
}

NamespaceBudget::Meter NamespaceBudget::Measure(const std::string& ns, std::size_t pods) const {
  Meter meter;
  meter.sets_left_ = limits_.sets;
  meter.elements_left_ = std::max(limits_.elements, limits_.elements_for_each_pod * pods);
  const auto it = spaces_.find(ns);
  if (it == spaces_.end()) return meter;
  const Space& space = it->second;
  std::size_t elements = space.elements;
  for (const auto& [set, classes] : space.shared) {
    elements += set->size;
    meter.in_use_.insert(set);
  }
  // Sets of classes that were let in may have grown since: those find no room when they are
  // compiled next.
  meter.sets_left_ -= std::min(meter.sets_left_, space.sets + space.shared.size());
  meter.elements_left_ -= std::min(meter.elements_left_, elements);
  return meter;
}

bool NamespaceBudget::Meter::Take(std::size_t sets, std::size_t elements) {
  full_ = full_ || sets > sets_left_ || elements > elements_left_;
  if (full_) return false;
  sets_left_ -= sets;
  elements_left_ -= elements;
  return true;
}

bool NamespaceBudget::Meter::Add(const MemberSet& set) {
  if (full_) return false;
  return !in_use_.insert(&set).second || Take(1, set.size);
}

bool NamespaceBudget::Meter::AddFixed(const Use& fixed) { return Take(fixed.sets, fixed.elements); }

}  // namespace podgate::compiler
