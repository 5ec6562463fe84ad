// The objects of one manifest or dump, YAML or JSON, from its text. Pure; one thread for a result.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "compiler/load/load_result.h"

namespace podgate::compiler {

// Adds the objects of one text to `result`. The text is UTF-8, or UTF-16 with a byte-order mark.
// JSON and YAML are told apart by content; several documents, kind List and typed lists are
// accepted. `file` is used in diagnostics. A bad document never hides the others. `passed` is told
// now and then up to where the text has been read, so that a dump of any size needs little memory.
// That part may be read again, though seldom, so it may be dropped only where it can come back (a
// mapped file). May be nullptr.
void LoadText(std::string_view text, const std::string& file, LoadResult* result,
              const std::function<void(std::size_t)>& passed = nullptr);

}  // namespace podgate::compiler
