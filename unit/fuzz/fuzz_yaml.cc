// Fuzzes the reader of manifests: YAML and JSON, as they come.
//
// What must hold besides not crashing: places lie inside of the text, lines of a message stay one
// line, and a document in front that is valid is read whatever follows it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "compiler/load/load_text.h"
#include "compiler/load/utf16.h"

namespace {

using podgate::compiler::Complete;
using podgate::compiler::Diagnostic;
using podgate::compiler::LoadResult;
using podgate::compiler::LoadText;

constexpr char kGood[] = "{apiVersion: v1, kind: Namespace, metadata: {name: first}}\n---\n";

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  LoadResult result;
  LoadText(text, "f", &result);
  const bool utf16 = podgate::compiler::IsUtf16(text);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.line == 0 && utf16) continue;  // a text of half a unit has no places
    Require(diagnostic.line >= 1 && diagnostic.line <= lines, "the line is one of the text");
    // Two bytes of UTF-16 may be three of UTF-8.
    Require(diagnostic.column >= 1 && diagnostic.column <= 2 * text.size() + 1, "the column too");
    Require(diagnostic.ToString().find('\n') == std::string::npos, "a message is one line");
    Require(!diagnostic.message.empty(), "a message says something");
  }
  Complete(&result);

  LoadResult behind;
  LoadText(kGood + text, "f", &behind);
  Require(behind.cluster.namespaces.count("first") == 1, "a bad document hides no other");
  return 0;
}
