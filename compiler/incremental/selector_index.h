// Which of many selectors may select given labels: each selector is filed under one of its
// requirements, the one that fewest labels meet, so that labels find the few selectors that ask for
// one of them instead of trying all. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "compiler/incremental/interned_selector.h"

namespace podgate::compiler {

template <typename T>
class SelectorIndex {
 public:
  void Add(const InternedSelector& selector, T* subject) {
    for (const std::uint64_t place : PlacesOf(selector)) places_[place].push_back(subject);
  }

  void Remove(const InternedSelector& selector, T* subject) {
    for (const std::uint64_t place : PlacesOf(selector)) {
      const auto it = places_.find(place);
      std::erase(it->second, subject);
      if (it->second.empty()) places_.erase(it);
    }
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

  // Labels have one value for each key, so they meet at most one of these.
  static std::vector<std::uint64_t> PlacesOf(const InternedSelector& selector) {
    const InternedSelector::Term* in = nullptr;
    const InternedSelector::Term* exists = nullptr;
    for (const InternedSelector::Term& term : selector.terms()) {
      if (term.op == Requirement::Operator::kExists && exists == nullptr) exists = &term;
      if (term.op == Requirement::Operator::kIn &&
          (in == nullptr || term.values.size() < in->values.size()))
        in = &term;
    }
    if (in != nullptr) {
      std::vector<std::uint64_t> places;
      for (const Symbol value : in->values) places.push_back(Place(in->key, value));
      return places;
    }
    if (exists != nullptr) return {Place(exists->key, kAnyValue)};
    return {kEverything};
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
