// Offline input: manifests and dumps, YAML or JSON, files, directories and standard input, into one
// Cluster. This is I/O for the command line only; the texts themselves are decoded by pure code
// (LoadText).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/model/diagnostic.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

struct LoadResult {
  Cluster cluster;
  // In order of appearance. Any error means exit code 4; warnings do not.
  std::vector<Diagnostic> diagnostics;
  bool HasErrors() const;
};

// Adds the objects of one text to `result`. JSON and YAML are told apart by content; several
// documents, kind List and typed lists are taken. `file` is used in diagnostics. A bad document
// never hides the others.
void LoadText(std::string_view text, const std::string& file, LoadResult* result);

// What the API server would have added: the label kubernetes.io/metadata.name on each namespace,
// and a namespace for each pod and policy that names one which is not given. To be called once,
// after all texts.
void Complete(LoadResult* result);

// Reads FILE, DIR (its *.yaml, *.yml and *.json; with `recursive` below it too) or "-", in the
// order given; calls LoadText and, at the end, Complete.
LoadResult LoadPaths(const std::vector<std::string>& paths, bool recursive);

}  // namespace podgate::compiler
