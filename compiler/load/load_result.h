// What was read from manifests: the cluster, and what was wrong with them. Pure.
#pragma once

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

// Adds what the API server would have added: the label kubernetes.io/metadata.name on each
// namespace, and a namespace for each pod and policy whose namespace is not given. To be called
// once, after all texts.
void Complete(LoadResult* result);

}  // namespace podgate::compiler
