// Where in a text something stands: byte offsets are what the parsers know, lines and columns are
// what people read. Lines and columns count from 1, columns in bytes. Pure; one thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace podgate::compiler {

// An offset that is not known.
inline constexpr std::size_t kNoOffset = static_cast<std::size_t>(-1);

struct TextPosition {
  std::size_t line = 0;
  std::size_t column = 0;
};

// Counts the text's lines once, as far as they are asked for, and remembers them in coarse steps:
// every question costs little, in whatever order they come.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : text_(text) {}
  TextPosition At(std::size_t offset);
  // Counts up to `offset` now, while that part of the text is at hand.
  void CountTo(std::size_t offset);

 private:
  struct Mark {
    std::size_t line = 1;        // of the mark's offset
    std::size_t line_start = 0;  // offset of that line's first byte
  };
  Mark Advance(const Mark& mark, std::size_t from, std::size_t to) const;

  std::string_view text_;
  std::vector<Mark> marks_{Mark()};  // one for each step of the text
};

}  // namespace podgate::compiler
