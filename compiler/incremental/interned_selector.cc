#include "compiler/incremental/interned_selector.h"

#include <algorithm>

namespace podgate::compiler {
namespace {

Symbol ValueOf(const InternedLabels& labels, Symbol key) {
  const auto it =
      std::lower_bound(labels.begin(), labels.end(), key,
                       [](const auto& label, Symbol wanted) { return label.first < wanted; });
  return it != labels.end() && it->first == key ? it->second : kNoSymbol;
}

bool Holds(const InternedSelector::Term& term, const InternedLabels& labels) {
  const Symbol value = ValueOf(labels, term.key);
  const auto listed = [&] {
    return std::binary_search(term.values.begin(), term.values.end(), value);
  };
  switch (term.op) {
    case Requirement::Operator::kIn:
      return value != kNoSymbol && listed();
    case Requirement::Operator::kNotIn:
      return value == kNoSymbol || !listed();
    case Requirement::Operator::kExists:
      return value != kNoSymbol;
    case Requirement::Operator::kDoesNotExist:
      return value == kNoSymbol;
  }
  return false;
}

}  // namespace

InternedLabels InternLabels(const Labels& labels, Symbols* symbols) {
  InternedLabels result;
  result.reserve(labels.size());
  for (const auto& [key, value] : labels)
    result.emplace_back(symbols->Intern(key), symbols->Intern(value));
  std::sort(result.begin(), result.end());
  return result;
}

void ReleaseLabels(const InternedLabels& labels, Symbols* symbols) {
  for (const auto& [key, value] : labels) {
    symbols->Release(key);
    symbols->Release(value);
  }
}

InternedSelector::InternedSelector(const LabelSelector& selector, Symbols* symbols)
    : symbols_(symbols) {
  terms_.reserve(selector.requirements.size());
  for (const Requirement& requirement : selector.requirements) {
    Term term{.key = symbols->Intern(requirement.key), .op = requirement.op, .values = {}};
    for (const std::string& value : requirement.values)
      term.values.push_back(symbols->Intern(value));
    std::sort(term.values.begin(), term.values.end());
    terms_.push_back(std::move(term));
  }
}

InternedSelector::~InternedSelector() {
  for (const Term& term : terms_) {
    symbols_->Release(term.key);
    for (const Symbol value : term.values) symbols_->Release(value);
  }
}

bool InternedSelector::Matches(const InternedLabels& labels) const {
  return std::all_of(terms_.begin(), terms_.end(),
                     [&](const Term& term) { return Holds(term, labels); });
}

}  // namespace podgate::compiler
