#include "controller/store.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

namespace podgate::controller {
namespace {

using compiler::Diagnostic;
using compiler::Kind;
using compiler::ObjectKey;

// No namespace of an API server can have this name, and none is ever added to the cluster under it.
constexpr const char* kQuarantine = "~unreadable";

ObjectKey QuarantineKey(const ObjectKey& key) { return {kQuarantine, key.ToString()}; }

bool HasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& d) {
    return d.severity == Diagnostic::Severity::kError;
  });
}

bool Same(const compiler::NetworkPolicy& a, const compiler::NetworkPolicy& b) {
  const auto fields = [](const compiler::NetworkPolicy& p) {
    return std::tie(p.key, p.uid, p.pods, p.isolates_ingress, p.isolates_egress, p.ingress,
                    p.egress, p.errors);
  };
  return fields(a) == fields(b);
}

bool Same(const compiler::Pod& a, const compiler::Pod& b) { return a == b; }
bool Same(const compiler::Namespace& a, const compiler::Namespace& b) { return a == b; }

// True when the map did not hold just this value under the key.
template <typename Map, typename Key, typename Value>
bool Put(Map* map, const Key& key, Value value) {
  const auto it = map->find(key);
  if (it != map->end() && Same(it->second, value)) return false;
  map->insert_or_assign(key, std::move(value));
  return true;
}

}  // namespace

bool Store::Apply(Message message) {
  switch (message.type) {
    case Message::Type::kListed: {
      bool& listed = message.kind == Kind::kPod         ? pods_listed_
                     : message.kind == Kind::kNamespace ? namespaces_listed_
                                                        : policies_listed_;
      return !std::exchange(listed, true);
    }
    case Message::Type::kDelete:
      return Delete(message.kind, message.key);
    case Message::Type::kUpsert:
      break;
  }
  if (!message.object) return false;
  if (auto* pod = std::get_if<compiler::Pod>(&*message.object)) {
    return ApplyPod(std::move(*pod), message.diagnostics);
  }
  if (auto* ns = std::get_if<compiler::Namespace>(&*message.object)) {
    return ApplyNamespace(std::move(*ns), message.diagnostics);
  }
  return ApplyPolicy(std::get<compiler::NetworkPolicy>(std::move(*message.object)),
                     message.diagnostics);
}

bool Store::ApplyPod(compiler::Pod pod, const std::vector<Diagnostic>& diagnostics) {
  if (HasErrors(diagnostics)) {
    for (const Diagnostic& diagnostic : diagnostics) {
      log_->LogEach(LogLevel::kError, "a pod cannot be read and is cut off",
                    {{"problem", diagnostic.ToString()}});
    }
    return Quarantine(std::move(pod));
  }
  // Finished pods are not there at all, also when the server tells of them.
  if (pod.finished) return Delete(Kind::kPod, pod.key);
  const bool released = Release(pod.key);
  const ObjectKey key = pod.key;
  return Put(&cluster_.pods, key, std::move(pod)) || released;
}

bool Store::Quarantine(compiler::Pod pod) {
  const ObjectKey key = QuarantineKey(pod.key);
  // What is not readable now may have been before, or the time before.
  for (const ObjectKey& known : {pod.key, key}) {
    const auto it = cluster_.pods.find(known);
    if (it == cluster_.pods.end()) continue;
    if (pod.addresses.empty()) pod.addresses = it->second.addresses;
    if (pod.node.empty()) pod.node = it->second.node;
    if (pod.created.empty()) pod.created = it->second.created;
  }
  bool changed = cluster_.pods.erase(pod.key) > 0;
  const ObjectKey isolate_key{kQuarantine, "isolate"};
  compiler::NetworkPolicy isolate;
  isolate.key = isolate_key;
  isolate.isolates_egress = true;
  changed = Put(&cluster_.policies, isolate_key, std::move(isolate)) || changed;
  pod.key = key;
  pod.labels.clear();
  pod.ports.clear();
  pod.finished = false;
  return Put(&cluster_.pods, key, std::move(pod)) || changed;
}

bool Store::Release(const ObjectKey& key) {
  if (cluster_.pods.erase(QuarantineKey(key)) == 0) return false;
  const auto first = cluster_.pods.lower_bound({kQuarantine, ""});
  if (first == cluster_.pods.end() || first->first.ns != kQuarantine) {
    cluster_.policies.erase({kQuarantine, "isolate"});
  }
  return true;
}

bool Store::ApplyNamespace(compiler::Namespace ns, const std::vector<Diagnostic>& diagnostics) {
  if (HasErrors(diagnostics)) {
    for (const Diagnostic& diagnostic : diagnostics) {
      log_->LogEach(LogLevel::kError, "a namespace cannot be read, no namespaceSelector matches it",
                    {{"problem", diagnostic.ToString()}});
    }
    return cluster_.namespaces.erase(ns.name) > 0;
  }
  const std::string name = ns.name;
  return Put(&cluster_.namespaces, name, std::move(ns));
}

bool Store::ApplyPolicy(compiler::NetworkPolicy policy,
                        const std::vector<Diagnostic>& diagnostics) {
  const ObjectKey key = policy.key;
  const auto known = cluster_.policies.find(key);
  // Said once, not again with each event or list that repeats the same policy.
  if (known != cluster_.policies.end() && Same(known->second, policy)) return false;
  for (const Diagnostic& diagnostic : diagnostics) {
    const bool error = diagnostic.severity == Diagnostic::Severity::kError;
    log_->LogEach(
        LogLevel::kWarning,
        error
            ? "a policy is broken: what it selects is isolated, what cannot be read allows nothing"
            : "a policy is odd",
        {{"policy", key.ToString()}, {"problem", diagnostic.ToString()}});
  }
  cluster_.policies.insert_or_assign(key, std::move(policy));
  return true;
}

bool Store::Delete(Kind kind, const ObjectKey& key) {
  switch (kind) {
    case Kind::kPod: {
      const bool released = Release(key);
      return cluster_.pods.erase(key) > 0 || released;
    }
    case Kind::kNamespace:
      return cluster_.namespaces.erase(key.name) > 0;
    case Kind::kNetworkPolicy:
      return cluster_.policies.erase(key) > 0;
    case Kind::kUnknown:
      break;
  }
  return false;
}

}  // namespace podgate::controller
