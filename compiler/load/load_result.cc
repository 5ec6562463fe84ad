#include "compiler/load/load_result.h"

#include <algorithm>
#include <utility>

namespace podgate::compiler {
namespace {

constexpr char kNameLabel[] = "kubernetes.io/metadata.name";

void SetNameLabel(Namespace* ns) {
  const auto it =
      std::lower_bound(ns->labels.begin(), ns->labels.end(), kNameLabel,
                       [](const auto& label, const char* key) { return label.first < key; });
  if (it != ns->labels.end() && it->first == kNameLabel) {
    it->second = ns->name;
  } else {
    ns->labels.emplace(it, kNameLabel, ns->name);
  }
}

}  // namespace

bool LoadResult::HasErrors() const {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& diagnostic) {
    return diagnostic.severity == Diagnostic::Severity::kError;
  });
}

void Complete(LoadResult* result) {
  Cluster& cluster = result->cluster;
  const std::string* last = nullptr;  // objects of one namespace stand one behind the other
  const auto add = [&](const std::string& name) {
    if (name.empty() || (last != nullptr && *last == name)) return false;
    last = &name;
    const auto place = cluster.namespaces.lower_bound(name);
    if (place != cluster.namespaces.end() && place->first == name) return false;
    cluster.namespaces.emplace_hint(place, name, Namespace{name, {}});
    return true;
  };
  for (const auto& [key, pod] : cluster.pods) {
    if (add(key.ns)) result->assumed_namespaces.push_back(key.ns);
  }
  for (const auto& [key, policy] : cluster.policies) add(key.ns);
  for (auto& [name, ns] : cluster.namespaces) SetNameLabel(&ns);
}

}  // namespace podgate::compiler
