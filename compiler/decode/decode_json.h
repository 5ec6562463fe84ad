// JSON text to the values that ObjectReader is told, on nlohmann's SAX parser. Offsets are found on
// demand, and a single object or value can never make the lexer hold more than the limit. Pure; one
// thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "compiler/decode/decode_object.h"

namespace podgate::compiler {

class JsonSource : public ValueLocator {
 public:
  // `text` must outlive this object.
  JsonSource(std::string_view text, const DecodeLimits& limits) : text_(text), limits_(limits) {}

  // Tells `reader` the one value that begins at or after `begin`. nullopt: read to its end, see
  // end(). Otherwise why not; the text behind it is unknown territory.
  std::optional<Problem> Parse(std::size_t begin, ObjectReader* reader);
  // Behind the value's last character.
  std::size_t end() const { return cursor_.position; }

  std::size_t Offset() override;

  // The state of the characters' iterator, which the parser copies around.
  struct Cursor {
    const char* text = nullptr;
    std::size_t position = 0;
    std::size_t limit = 0;  // the parser sees the end of the text there
  };

 private:
  class Handler;
  enum class Token { kOther, kString, kNumber, kTrueOrNull, kFalse };

  std::string_view text_;
  DecodeLimits limits_;
  Cursor cursor_;
  Token token_ = Token::kOther;
};

}  // namespace podgate::compiler
