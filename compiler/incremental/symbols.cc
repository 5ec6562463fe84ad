#include "compiler/incremental/symbols.h"

namespace podgate::compiler {

Symbol Symbols::Intern(std::string_view text) {
  if (const auto known = numbers_.find(text); known != numbers_.end()) {
    ++entries_[known->second].uses;
    return known->second;
  }
  Symbol symbol = 0;
  if (free_.empty()) {
    symbol = static_cast<Symbol>(entries_.size());
    entries_.emplace_back();
  } else {
    symbol = free_.back();
    free_.pop_back();
  }
  Entry& entry = entries_[symbol];
  entry.text = text;
  entry.uses = 1;
  numbers_.emplace(entry.text, symbol);
  return symbol;
}

void Symbols::Release(Symbol symbol) {
  Entry& entry = entries_[symbol];
  if (--entry.uses > 0) return;
  numbers_.erase(numbers_.find(entry.text));
  entry.text = std::string();  // gives its memory back, unlike clear()
  free_.push_back(symbol);
}

Symbol Symbols::Find(std::string_view text) const {
  const auto known = numbers_.find(text);
  return known == numbers_.end() ? kNoSymbol : known->second;
}

}  // namespace podgate::compiler
