#include "compiler/load/utf16.h"

#include <cstddef>
#include <cstdint>

namespace podgate::compiler {
namespace {

constexpr std::string_view kLittleEndian = "\xff\xfe";
constexpr std::string_view kBigEndian = "\xfe\xff";

void AppendUtf8(std::uint32_t code, std::string* text) {
  const auto put = [&](std::uint32_t byte) { text->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

bool IsHighSurrogate(std::uint32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(std::uint32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

}  // namespace

bool IsUtf16(std::string_view bytes) {
  return bytes.starts_with(kLittleEndian) || bytes.starts_with(kBigEndian);
}

std::optional<std::string> FromUtf16(std::string_view bytes) {
  const std::size_t low = bytes.starts_with(kLittleEndian) ? 0 : 1;
  if (bytes.size() % 2 != 0) return std::nullopt;
  const auto unit = [&](std::size_t at) -> std::uint32_t {
    return static_cast<unsigned char>(bytes[at + low]) |
           std::uint32_t{static_cast<unsigned char>(bytes[at + 1 - low])} << 8;
  };
  std::string text;
  text.reserve(bytes.size() / 2);
  for (std::size_t at = 2; at < bytes.size(); at += 2) {
    std::uint32_t code = unit(at);
    if (IsLowSurrogate(code)) return std::nullopt;
    if (IsHighSurrogate(code)) {
      at += 2;
      if (at >= bytes.size() || !IsLowSurrogate(unit(at))) return std::nullopt;
      code = 0x10000 + ((code - 0xd800) << 10 | (unit(at) - 0xdc00));
    }
    AppendUtf8(code, &text);
  }
  return text;
}

}  // namespace podgate::compiler
