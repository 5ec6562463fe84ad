#include "compiler/decode/decode_finished.h"

#include <utility>

namespace podgate::compiler {

Diagnostic ToDiagnostic(Problem&& problem, const std::string& object, const std::string& file,
                        LineCounter* lines) {
  Diagnostic diagnostic;
  diagnostic.severity = problem.severity;
  diagnostic.file = file;
  if (lines != nullptr && problem.offset != kNoOffset) {
    const TextPosition position = lines->At(problem.offset);
    diagnostic.line = position.line;
    diagnostic.column = position.column;
  }
  diagnostic.object = object;
  diagnostic.field = std::move(problem.field);
  diagnostic.message = std::move(problem.message);
  return diagnostic;
}

std::vector<Diagnostic> ToDiagnostics(Finished& finished, const std::string& file,
                                      LineCounter* lines) {
  std::vector<Diagnostic> diagnostics;
  diagnostics.reserve(finished.problems.size());
  for (Problem& problem : finished.problems) {
    diagnostics.push_back(ToDiagnostic(std::move(problem), finished.name, file, lines));
  }
  if (finished.object) {
    if (auto* policy = std::get_if<NetworkPolicy>(&*finished.object)) {
      for (const Diagnostic& diagnostic : diagnostics) {
        if (diagnostic.severity == Diagnostic::Severity::kError) {
          policy->errors.push_back(diagnostic);
        }
      }
    }
  }
  return diagnostics;
}

}  // namespace podgate::compiler
