#include "compiler/incremental/namespace_budget.h"

#include <algorithm>

namespace podgate::compiler {

void NamespaceBudget::Enter(const std::string& ns, const Use& use) {
  Space& space = spaces_[ns];
  ++space.classes;
  for (MemberSet* set : use.members) ++space.members[set];
  for (const auto& [name, elements] : use.fixed) {
    Users& users = space.fixed[name];
    users.elements = elements;
    ++users.classes;
  }
}

void NamespaceBudget::Leave(const std::string& ns, const Use& use) {
  const auto it = spaces_.find(ns);
  if (it == spaces_.end()) return;
  Space& space = it->second;
  for (MemberSet* set : use.members)
    if (const auto found = space.members.find(set); --found->second == 0)
      space.members.erase(found);
  for (const auto& [name, elements] : use.fixed)
    if (const auto found = space.fixed.find(name); --found->second.classes == 0)
      space.fixed.erase(found);
  if (--space.classes == 0) spaces_.erase(it);
}

NamespaceBudget::Meter NamespaceBudget::Measure(const std::string& ns, std::size_t pods) const {
  Meter meter;
  meter.budget_ = this;
  meter.sets_left_ = limits_.sets;
  meter.elements_left_ = std::max(limits_.elements, limits_.elements_for_each_pod * pods);
  const auto it = spaces_.find(ns);
  if (it == spaces_.end()) return meter;
  const Space& space = it->second;
  std::size_t elements = 0;
  for (const auto& [set, classes] : space.members) {
    elements += set->size;
    meter.members_.insert(set);
  }
  for (const auto& [name, users] : space.fixed) {
    elements += users.elements;
    meter.fixed_.insert(name);
  }
  // Sets of classes that were let in may have grown since: those find no room when they are
  // compiled next.
  meter.sets_left_ -= std::min(meter.sets_left_, space.members.size() + space.fixed.size());
  meter.elements_left_ -= std::min(meter.elements_left_, elements);
  meter.elements_ = elements;
  return meter;
}

std::size_t NamespaceBudget::TotalLeft() const {
  std::size_t used = 0;
  for (const auto& [ns, space] : spaces_) {
    for (const auto& [set, classes] : space.members) used += set->size;
    for (const auto& [name, users] : space.fixed) used += users.elements;
  }
  return limits_.total_elements - std::min(limits_.total_elements, used);
}

bool NamespaceBudget::Meter::Take(std::size_t elements) {
  elements_ += elements;
  if (elements_ > budget_->limits_.small_elements && !total_left_)
    total_left_ = budget_->TotalLeft();
  full_ = full_ || sets_left_ == 0 || elements > elements_left_ ||
          (total_left_ && elements > *total_left_);
  if (full_) return false;
  --sets_left_;
  elements_left_ -= elements;
  if (total_left_) *total_left_ -= elements;
  return true;
}

bool NamespaceBudget::Meter::Add(const MemberSet& set) {
  if (full_) return false;
  return !members_.insert(&set).second || Take(set.size);
}

bool NamespaceBudget::Meter::Add(const std::string& name, std::size_t elements) {
  if (full_) return false;
  return !fixed_.insert(name).second || Take(elements);
}

}  // namespace podgate::compiler
