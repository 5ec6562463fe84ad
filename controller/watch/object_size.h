// About how many bytes of memory an object of the model takes, so that what a server sends can be
// bounded. Pure; an estimate from above for large objects, which are the ones that matter.
#pragma once

#include <cstddef>

#include "compiler/decode/decode.h"

namespace podgate::controller {

std::size_t SizeOf(const compiler::Object& object);
std::size_t SizeOf(const compiler::LabelSelector& selector);

}  // namespace podgate::controller
