#include "compiler/text_position.h"

#include <algorithm>
#include <cstring>

namespace podgate::compiler {

void LineCounter::Advance(Cursor* cursor, std::size_t offset) const {
  offset = std::min(offset, text_.size());
  while (cursor->offset < offset) {
    const void* newline = std::memchr(text_.data() + cursor->offset, '\n', offset - cursor->offset);
    if (newline == nullptr) {
      cursor->offset = offset;
      return;
    }
    cursor->offset = static_cast<std::size_t>(static_cast<const char*>(newline) - text_.data()) + 1;
    ++cursor->line;
    cursor->line_start = cursor->offset;
  }
}

void LineCounter::Checkpoint(std::size_t offset) {
  if (offset < cursor_.offset) cursor_ = offset < checkpoint_.offset ? Cursor{} : checkpoint_;
  Advance(&cursor_, offset);
  checkpoint_ = cursor_;
}

TextPosition LineCounter::At(std::size_t offset) {
  if (offset < cursor_.offset) cursor_ = offset < checkpoint_.offset ? Cursor{} : checkpoint_;
  Advance(&cursor_, offset);
  return {cursor_.line, std::min(offset, text_.size()) - cursor_.line_start + 1};
}

}  // namespace podgate::compiler
