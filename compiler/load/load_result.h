// What was read from manifests: the cluster, and what was wrong with them. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/model/diagnostic.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

// How much was read and how much was not, for one line about it.
struct LoadCounts {
  std::size_t files = 0;
  std::size_t policies = 0;
  std::size_t pods = 0;
  std::size_t namespaces = 0;
  std::size_t nodes = 0;
  std::size_t other_objects = 0;     // of kinds without a meaning here
  std::size_t no_objects = 0;        // documents that are no Kubernetes objects
  std::size_t templates = 0;         // files that are Helm templates, which are no YAML yet
  std::size_t policy_templates = 0;  // of those: mention a NetworkPolicy
  std::size_t unread = 0;            // documents that cannot be read
  // Objects of other projects' policy kinds, by what to call the kind; bounded.
  std::map<std::string, std::size_t> unenforced;
  // Objects of kinds that nobody knows, by "KIND; did you mean OTHER?"; bounded.
  std::map<std::string, std::size_t> misspelt;
  // Whether the input had any object, readable or not.
  bool AnyObject() const { return policies + pods + namespaces + nodes + other_objects != 0; }
};

struct ObjectPlace {
  std::size_t file = 0;  // index in LoadResult::files
  std::size_t line = 0;  // from 1; 0: unknown
};

struct LoadResult {
  Cluster cluster;
  // In order of appearance. Errors mean that the cluster is not known as it should be (exit code
  // 4); the other severities do not.
  std::vector<Diagnostic> diagnostics;
  LoadCounts counts;
  // Namespaces of pods whose own object is not in the input: only their name label is known.
  std::vector<std::string> assumed_namespaces;
  std::vector<std::string> files;  // the names of all texts, in order
  // Where each object of `cluster` was given, by its address there. A copy of the result has other
  // addresses.
  std::unordered_map<const void*, ObjectPlace> places;
  bool HasErrors() const;
};

// Adds what the API server would have added: the label kubernetes.io/metadata.name on each
// namespace, and a namespace for each pod and policy whose namespace is not given. To be called
// once, after all texts.
void Complete(LoadResult* result);

}  // namespace podgate::compiler
