#include "controller/agent/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "controller/watch/emptied.h"

namespace podgate::controller {
namespace {

using compiler::Diagnostic;
using compiler::Kind;
using compiler::ObjectKey;

// Of an event: more is not taken.
constexpr std::size_t kNoteBytes = 1024;

bool HasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& d) {
    return d.severity == Diagnostic::Severity::kError;
  });
}

}  // namespace

bool Store::listed(Kind kind) const {
  return kind == Kind::kPod         ? pods_listed_ && own_pods_listed_
         : kind == Kind::kNamespace ? namespaces_listed_
                                    : policies_listed_;
}

bool Store::Listed(const Message& message) {
  bool& listed = message.of_this_node               ? own_pods_listed_
                 : message.kind == Kind::kPod       ? pods_listed_
                 : message.kind == Kind::kNamespace ? namespaces_listed_
                                                    : policies_listed_;
  return !std::exchange(listed, true);
}

bool Store::Apply(Message message) {
  if (message.type == Message::Type::kListed) return Listed(message);
  if (message.type == Message::Type::kEmpty) return EmptyObject(message);
  if (message.type == Message::Type::kUpsert && !message.object) return false;
  if (message.kind == Kind::kPod) {
    std::optional<Message> next = sources_.Next(std::move(message));
    if (!next) return false;
    message = *std::move(next);
  }
  if (message.type == Message::Type::kDelete) return Delete(message.kind, message.key);
  return ApplyObject(*std::move(message.object), message.diagnostics);
}

bool Store::ApplyObject(compiler::Object object, const std::vector<Diagnostic>& diagnostics) {
  if (auto* pod = std::get_if<compiler::Pod>(&object)) {
    return ApplyPod(std::move(*pod), diagnostics);
  }
  if (auto* ns = std::get_if<compiler::Namespace>(&object)) {
    return ApplyNamespace(*ns, diagnostics);
  }
  return ApplyPolicy(std::get<compiler::NetworkPolicy>(object), diagnostics);
}

bool Store::EmptyObject(const Message& message) {
  if (message.diagnostics.empty()) return false;
  const std::string& why = message.diagnostics.front().message;
  if (message.kind == Kind::kNamespace) {
    log_->LogAbout(message.key.name, LogLevel::kError, LogMessages::kNamespaceUnreadable,
                   {{"problem", fmt::format("namespace {}: {}", message.key.name, why)}});
    return pipeline_->RemoveNamespace(message.key.name);
  }
  std::optional<compiler::Object> object;
  if (message.kind == Kind::kPod && !sources_.Decides(message)) return false;
  if (message.kind == Kind::kPod) object = pipeline_->FindPod(message.key);
  if (message.kind == Kind::kNetworkPolicy) object = pipeline_->FindPolicy(message.key);
  // What is not there any more needs nothing; a quarantined pod has nothing left.
  if (!object) return false;
  std::vector<Diagnostic> diagnostics;
  Empty(why, &*object, &diagnostics);
  return ApplyObject(*std::move(object), diagnostics);
}

bool Store::ApplyPod(compiler::Pod pod, const std::vector<Diagnostic>& diagnostics) {
  if (HasErrors(diagnostics)) {
    const std::string ns = pod.key.ns;
    if (!quarantine_.Take(std::move(pod))) return false;
    for (const Diagnostic& diagnostic : diagnostics) {
      log_->LogAbout(ns, LogLevel::kError, LogMessages::kPodUnreadable,
                     {{"problem", diagnostic.ToString()}});
    }
    return true;
  }
  // Finished pods are not there at all, also when the server tells of them, but for those that
  // still run here.
  if (pod.finished && !(pod.still_running && pod.node == node_)) return Delete(Kind::kPod, pod.key);
  bool changed = quarantine_.Release(pod.key);
  further_.AddTo(&pod);
  changed = pipeline_->Put(pod) || changed;
  return quarantine_.GiveWayTo(pod) || changed;
}

bool Store::ApplyNamespace(const compiler::Namespace& ns,
                           const std::vector<Diagnostic>& diagnostics) {
  if (HasErrors(diagnostics)) {
    for (const Diagnostic& diagnostic : diagnostics) {
      log_->LogAbout(ns.name, LogLevel::kError, LogMessages::kNamespaceUnreadable,
                     {{"problem", diagnostic.ToString()}});
    }
    const bool removed = pipeline_->RemoveNamespace(ns.name);
    return ending_.PutNamespace(ns) || removed;
  }
  const bool changed = pipeline_->Put(ns);
  return ending_.PutNamespace(ns) || changed;
}

bool Store::ApplyPolicy(const compiler::NetworkPolicy& policy,
                        const std::vector<Diagnostic>& diagnostics) {
  const ObjectKey key = policy.key;
  ending_.PutPolicy(key);
  // Said once, not again with each event or list that repeats the same policy. What cannot be read
  // is no part of it: it may come and go without a change.
  if (pipeline_->Holds(policy) && HasErrors(diagnostics) == broken_.contains(key)) return false;
  for (const Diagnostic& diagnostic : diagnostics) {
    const bool error = diagnostic.severity == Diagnostic::Severity::kError;
    log_->LogAbout(key.ns, LogLevel::kWarning,
                   error ? LogMessages::kPolicyInvalid : LogMessages::kPolicyWarning,
                   {{"policy", key.ToString()}, {"problem", diagnostic.ToString()}});
  }
  if (HasErrors(diagnostics)) {
    broken_.insert(key);
    TellBroken(policy, diagnostics);
  } else {
    broken_.erase(key);
  }
  return pipeline_->Put(policy);
}

void Store::TellBroken(const compiler::NetworkPolicy& policy,
                       const std::vector<Diagnostic>& diagnostics) {
  if (events_ == nullptr) return;
  ClusterEvent event;
  event.about = ClusterEvent::About::kNetworkPolicy;
  event.key = policy.key;
  event.uid = policy.uid;
  event.reason = "InvalidPolicy";
  event.action = "Isolate";
  event.note = "The pods that this policy selects are isolated; its invalid parts allow nothing.";
  for (const Diagnostic& diagnostic : diagnostics) {
    if (event.note.size() >= kNoteBytes) break;
    if (diagnostic.severity == Diagnostic::Severity::kError)
      event.note += fmt::format(" {}.", diagnostic.ToString());
  }
  events_->Tell(std::move(event));
}

bool Store::Delete(Kind kind, const ObjectKey& key) {
  switch (kind) {
    case Kind::kPod: {
      bool changed = quarantine_.Release(key);
      changed = pipeline_->RemovePod(key) || changed;
      return ending_.PodGone(key.ns) || changed;
    }
    case Kind::kNamespace: {
      const bool removed = pipeline_->RemoveNamespace(key.name);
      return ending_.NamespaceGone(key.name) || removed;
    }
    case Kind::kNetworkPolicy:
      broken_.erase(key);
      return ending_.PolicyGone(key);
    case Kind::kUnknown:
      break;
  }
  return false;
}

}  // namespace podgate::controller
