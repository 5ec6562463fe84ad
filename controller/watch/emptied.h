// What is left of an object whose namespace asks for more memory than it gets: enough to stay
// closed for its own pods. Pure.
#pragma once

#include <string>
#include <vector>

#include "compiler/decode/decoded.h"

namespace podgate::controller {

// policy     isolates what it selects and allows nothing (all pods of its namespace, if the
//            selector itself is large)
// pod        has no labels and no port names: the diagnostic makes it unreadable, which isolates it
// namespace  has no labels: unreadable likewise
//
// `why` becomes the error about it.
void Empty(const std::string& why, compiler::Object* object,
           std::vector<compiler::Diagnostic>* diagnostics);

// A policy that isolates all pods of a namespace, for policies of it that are too many to be known
// by name. No API server has a policy of this name.
compiler::NetworkPolicy PolicyForTheRest(const std::string& ns, const std::string& why);

}  // namespace podgate::controller
