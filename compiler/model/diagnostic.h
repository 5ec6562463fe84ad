// One finding about one object of the input, with its place. Printed as
//   FILE:LINE:COL: networkpolicy NAMESPACE/NAME: spec.ingress[0].ports[1].endPort: what was wrong
//   and expected
#pragma once

#include <cstddef>
#include <string>

namespace podgate::compiler {

struct Diagnostic {
  enum class Severity {
    kError,
    kWarning,
    // Only of manifests, where somebody may want them to be errors:
    kUnread,   // a document that cannot be read; nothing of it is known to decide about packets
    kSkipped,  // a document that is no Kubernetes object
  };
  Severity severity = Severity::kError;
  std::string file;        // "-" for standard input; empty: from the API server
  std::size_t line = 0;    // from 1; 0: unknown
  std::size_t column = 0;  // from 1, in bytes
  std::string object;      // "networkpolicy default/web"; empty: the document itself
  std::string field;       // the API's own field path; empty: the object itself
  std::string message;
  // The form above; parts that are empty are left out together with their colon. Warnings have
  // "warning: " before the message. Control characters of the input are printed escaped.
  std::string ToString() const;
  friend auto operator<=>(const Diagnostic&, const Diagnostic&) = default;
};

}  // namespace podgate::compiler
