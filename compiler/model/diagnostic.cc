#include "compiler/model/diagnostic.h"

#include <string_view>

namespace podgate::compiler {
namespace {

// Input may hold anything: a line of a terminal or a log must stay one line, and must not move the
// cursor.
void AppendEscaped(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080..U+009F, the control characters of two bytes.
    const bool c1 = byte == 0xc2 && i + 1 < text.size() &&
                    static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                    static_cast<unsigned char>(text[i + 1]) <= 0x9f;
    if (byte >= 0x20 && byte != 0x7f && !c1) {
      out->push_back(text[i]);
      continue;
    }
    switch (byte) {
      case '\n':
        *out += "\\n";
        continue;
      case '\r':
        *out += "\\r";
        continue;
      case '\t':
        *out += "\\t";
        continue;
      default:
        break;
    }
    const auto code = c1 ? static_cast<unsigned char>(text[++i]) : byte;
    *out += c1 ? "\\u00" : "\\x";
    out->push_back(kHex[code >> 4]);
    out->push_back(kHex[code & 15]);
  }
}

}  // namespace

std::string Diagnostic::ToString() const {
  std::string text;
  const auto part = [&text](std::string_view value) { AppendEscaped(value, &text); };
  if (!file.empty()) {
    part(file);
    text += ':';
  }
  if (line != 0) {
    text += std::to_string(line) + ':';
    if (column != 0) text += std::to_string(column) + ':';
  }
  if (!text.empty()) text += ' ';
  for (const std::string* value : {&object, &field}) {
    if (value->empty()) continue;
    part(*value);
    text += ": ";
  }
  if (severity == Severity::kWarning) text += "warning: ";
  part(message);
  return text;
}

}  // namespace podgate::compiler
