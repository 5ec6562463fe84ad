// Which of many selectors may select given labels: each selector is filed under one of its
// requirements, so that labels find the few selectors that ask for one of them instead of trying
// all. It is the requirement that shares its places with fewest other selectors: a label that all
// of them ask for, whichever place it has in the selector, never gathers them. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/incremental/interned_selector.h"

namespace podgate::compiler {

template <typename T>
class SelectorIndex {
 public:
  void Add(const InternedSelector& selector, T* subject) {
    std::vector<std::uint64_t> best = {kEverything};
    std::size_t crowd = std::numeric_limits<std::size_t>::max();
    for (const InternedSelector::Term& term : selector.terms()) {
      std::vector<std::uint64_t> places = PlacesOf(term);
      const std::size_t there = CrowdAt(places);
      if (there >= crowd || !CanFile(term)) continue;
      crowd = there;
      best = std::move(places);
    }
    for (const std::uint64_t place : best) places_[place].push_back(subject);
  }

  void Remove(const InternedSelector& selector, T* subject) {
    // Where it was filed depends on what was there then; it is at one requirement's places only.
    RemoveAt(kEverything, subject);
    for (const InternedSelector::Term& term : selector.terms())
      for (const std::uint64_t place : PlacesOf(term)) RemoveAt(place, subject);
  }

  bool empty() const { return places_.empty(); }

  // Calls `visit` once for each subject whose selector may match: all that do are among them.
  template <typename Visit>
  void VisitCandidates(const InternedLabels& labels, const Visit& visit) const {
    VisitPlace(kEverything, visit);
    for (const auto& [key, value] : labels) {
      VisitPlace(Place(key, value), visit);
      VisitPlace(Place(key, kAnyValue), visit);
    }
  }

 private:
  static constexpr Symbol kAnyValue = kNoSymbol;
  static constexpr std::uint64_t kEverything = ~std::uint64_t{0};

  static std::uint64_t Place(Symbol key, Symbol value) {
    return (std::uint64_t{key} << 32) | value;
  }

  // Labels that lack a key meet NotIn and DoesNotExist, so nothing leads from labels to these.
  static bool CanFile(const InternedSelector::Term& term) {
    return term.op == Requirement::Operator::kIn || term.op == Requirement::Operator::kExists;
  }

  // Labels have one value for each key, so they meet at most one of these. None when the term
  // cannot be filed.
  static std::vector<std::uint64_t> PlacesOf(const InternedSelector::Term& term) {
    std::vector<std::uint64_t> places;
    if (term.op == Requirement::Operator::kExists) places.push_back(Place(term.key, kAnyValue));
    if (term.op == Requirement::Operator::kIn)
      for (const Symbol value : term.values) places.push_back(Place(term.key, value));
    places.erase(std::unique(places.begin(), places.end()), places.end());  // sorted
    return places;
  }

  // Subjects there, and a place more in any case: many values cost as many entries.
  std::size_t CrowdAt(const std::vector<std::uint64_t>& places) const {
    std::size_t crowd = places.size();
    for (const std::uint64_t place : places)
      if (const auto it = places_.find(place); it != places_.end()) crowd += it->second.size();
    return crowd;
  }

  void RemoveAt(std::uint64_t place, T* subject) {
    const auto it = places_.find(place);
    if (it == places_.end()) return;
    std::erase(it->second, subject);
    if (it->second.empty()) places_.erase(it);
  }

  template <typename Visit>
  void VisitPlace(std::uint64_t place, const Visit& visit) const {
    const auto it = places_.find(place);
    if (it == places_.end()) return;
    for (T* subject : it->second) visit(subject);
  }

  std::unordered_map<std::uint64_t, std::vector<T*>> places_;
};

}  // namespace podgate::compiler
