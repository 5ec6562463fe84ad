// Labels and label selectors in numbers instead of strings: matching compares integers. Says what
// compiler/model/selector.h says. One thread.
#pragma once

#include <utility>
#include <vector>

#include "compiler/incremental/symbols.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

using InternedLabels = std::vector<std::pair<Symbol, Symbol>>;  // sorted by key, keys unique

// Each holds one use of its symbols until ReleaseLabels.
InternedLabels InternLabels(const Labels& labels, Symbols* symbols);
void ReleaseLabels(const InternedLabels& labels, Symbols* symbols);

class InternedSelector {
 public:
  // `symbols` must outlive the selector, which uses its symbols as long as it lives.
  InternedSelector(const LabelSelector& selector, Symbols* symbols);
  ~InternedSelector();
  InternedSelector(const InternedSelector&) = delete;
  InternedSelector& operator=(const InternedSelector&) = delete;

  bool Matches(const InternedLabels& labels) const;

  struct Term {
    Symbol key = kNoSymbol;
    Requirement::Operator op = Requirement::Operator::kIn;
    std::vector<Symbol> values;  // sorted
  };
  const std::vector<Term>& terms() const { return terms_; }

 private:
  Symbols* symbols_;
  std::vector<Term> terms_;
};

}  // namespace podgate::compiler
