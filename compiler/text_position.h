// Where in a text something stands: byte offsets are what the parsers know, lines and columns are
// what people read. Lines and columns count from 1, columns in bytes. Pure; one thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace podgate::compiler {

// An offset that is not known.
inline constexpr std::size_t kNoOffset = static_cast<std::size_t>(-1);

struct TextPosition {
  std::size_t line = 0;
  std::size_t column = 0;
};

// Counts lines as it goes: questions in rising order cost one pass over the text together. Going
// back costs a pass from the last checkpoint, so a caller sets one where an object begins.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : text_(text) {}
  TextPosition At(std::size_t offset);
  // Promises that most later questions lie behind `offset`.
  void Checkpoint(std::size_t offset);

 private:
  struct Cursor {
    std::size_t offset = 0;      // everything before it is counted
    std::size_t line = 1;        // of `offset`
    std::size_t line_start = 0;  // offset of that line's first byte
  };
  void Advance(Cursor* cursor, std::size_t offset) const;

  std::string_view text_;
  Cursor cursor_;
  Cursor checkpoint_;
};

}  // namespace podgate::compiler
