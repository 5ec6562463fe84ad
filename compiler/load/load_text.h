// LoadText with a way to let go of text that has been read, so that a dump of any size needs little
// memory.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "compiler/load/load_result.h"

namespace podgate::compiler {

// `passed` is told now and then up to where the text has been read; that part may be asked for
// again, though seldom, so it may be dropped only where it can come back (a mapped file). May be
// nullptr.
void LoadText(std::string_view text, const std::string& file, LoadResult* result,
              const std::function<void(std::size_t)>& passed);

}  // namespace podgate::compiler
