// Strings that many objects share (label keys and values, namespaces, nodes), each kept once and
// named by a number. Counted by use: what nobody uses any more is forgotten. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace podgate::compiler {

using Symbol = std::uint32_t;
inline constexpr Symbol kNoSymbol = 0xffff'ffff;

class Symbols {
 public:
  Symbols() = default;
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;

  // The text's number; one use more, which must be released once.
  Symbol Intern(std::string_view text);
  void Release(Symbol symbol);
  // kNoSymbol: nobody uses the text.
  Symbol Find(std::string_view text) const;
  const std::string& Text(Symbol symbol) const { return entries_[symbol].text; }
  std::size_t size() const { return numbers_.size(); }

 private:
  struct Entry {
    std::string text;
    std::uint32_t uses = 0;
  };
  std::deque<Entry> entries_;  // stays where it is: the keys below point into it
  std::vector<Symbol> free_;
  // A tree: tenants choose the texts, and could make those of a hash table collide.
  std::map<std::string_view, Symbol> numbers_;
};

}  // namespace podgate::compiler
