#include "compiler/decode/text_position.h"

#include <algorithm>
#include <cstring>

namespace podgate::compiler {
namespace {

constexpr std::size_t kStep = 16u << 10;

}  // namespace

LineCounter::Mark LineCounter::Advance(const Mark& mark, std::size_t from, std::size_t to) const {
  Mark result = mark;
  while (from < to) {
    const void* newline = std::memchr(text_.data() + from, '\n', to - from);
    if (newline == nullptr) break;
    from = static_cast<std::size_t>(static_cast<const char*>(newline) - text_.data()) + 1;
    ++result.line;
    result.line_start = from;
  }
  return result;
}

void LineCounter::CountTo(std::size_t offset) {
  offset = std::min(offset, text_.size());
  while (marks_.size() * kStep <= offset) {
    const std::size_t from = (marks_.size() - 1) * kStep;
    marks_.push_back(Advance(marks_.back(), from, from + kStep));
  }
}

TextPosition LineCounter::At(std::size_t offset) {
  offset = std::min(offset, text_.size());
  CountTo(offset);
  const std::size_t step = offset / kStep;
  const Mark mark = Advance(marks_[step], step * kStep, offset);
  return {mark.line, offset - mark.line_start + 1};
}

}  // namespace podgate::compiler
