// From what the decoder found about one object to the diagnostics that people see. Pure.
#pragma once

#include <string>
#include <vector>

#include "compiler/decode/decode_draft.h"
#include "compiler/decode/text_position.h"
#include "compiler/model/diagnostic.h"

namespace podgate::compiler {

// `lines` is nullptr for texts of the API server, in which places mean nothing to anybody. The
// errors of a NetworkPolicy are also put into the policy itself.
std::vector<Diagnostic> ToDiagnostics(Finished& finished, const std::string& file,
                                      LineCounter* lines);
Diagnostic ToDiagnostic(Problem&& problem, const std::string& object, const std::string& file,
                        LineCounter* lines);

}  // namespace podgate::compiler
