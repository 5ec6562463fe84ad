// One YAML document to the values that a ValueReader is told, through libfyaml's event API. Pure;
// one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "compiler/decode/value_reader.h"

namespace podgate::compiler {

// The largest document that is read. Larger dumps are better taken as JSON, which needs no such
// limit.
inline constexpr std::size_t kMaxYamlDocument = 64u << 20;

class YamlSource {
 public:
  // What a second document in the text is; a caller that reads several hands them over one by one.
  enum class SecondDocument { kError, kIgnored };

  // The reader may ask `locator` where a value stands, as an offset into `text`.
  using MakeReader = std::function<std::unique_ptr<ValueReader>(ValueLocator* locator)>;

  // `text` must outlive this object.
  explicit YamlSource(std::string_view text, SecondDocument second = SecondDocument::kError)
      : text_(text), second_(second) {}

  // Tells the reader the one document in [begin, end) of the text, in which FindBadByte must have
  // found nothing, twice if it needs that. nullopt: read to its end. Otherwise why not; what was
  // read before counts.
  std::optional<Problem> Parse(std::size_t begin, std::size_t end, const MakeReader& make_reader);

 private:
  std::optional<Problem> Pass(std::size_t begin, const class FilledYaml& filled,
                              class YamlExpander* expander);

  std::string_view text_;
  SecondDocument second_;
};

// The first byte from `begin` on that no YAML text may have: NUL and other control characters,
// bytes that are no UTF-8. libfyaml takes some of them for the text's end.
std::optional<Problem> FindBadByte(std::string_view text, std::size_t begin, std::size_t end);

}  // namespace podgate::compiler
