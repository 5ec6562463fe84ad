// Texts in UTF-16, as PowerShell's redirection writes them, to UTF-8. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace podgate::compiler {

// Whether the bytes begin with a byte-order mark of UTF-16, of either order.
bool IsUtf16(std::string_view bytes);

// The text behind the mark. nullopt: half a unit or half a surrogate pair.
std::optional<std::string> FromUtf16(std::string_view bytes);

}  // namespace podgate::compiler
