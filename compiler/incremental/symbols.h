// Strings that many objects share (label keys and values, namespaces, nodes), each kept once and
// named by a number. Uses are counted: a string without uses is forgotten. One thread.
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
  // kNoSymbol: the text has no uses.
  Symbol Find(std::string_view text) const;
  const std::string& Text(Symbol symbol) const { return entries_[symbol].text; }

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
