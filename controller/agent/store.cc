#include "controller/agent/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "controller/watch/emptied.h"

namespace podgate::controller {
namespace {

using compiler::Diagnostic;
using compiler::Kind;
using compiler::ObjectKey;

// No namespace of an API server can have this name, and none is ever added to the cluster under it.
constexpr const char* kQuarantine = "~unreadable";
constexpr const char* kIsolate = "isolate";  // the policy there
// Of an event: more is not taken.
constexpr std::size_t kNoteBytes = 1024;

// Addresses under which one unreadable pod stays isolated: two are usual, and each version of it
// may bring others.
constexpr std::size_t kQuarantineAddresses = 64;

ObjectKey QuarantineKey(const ObjectKey& key) { return {kQuarantine, key.ToString()}; }

void SortUnique(std::vector<compiler::Address>* addresses) {
  std::sort(addresses->begin(), addresses->end());
  addresses->erase(std::unique(addresses->begin(), addresses->end()), addresses->end());
}

// Those of `more` that fit behind the ones that are there, which are what the pod has now. Sorted
// and unique; returns how many there was no room for.
std::size_t AddUpTo(std::size_t limit, std::vector<compiler::Address> more,
                    std::vector<compiler::Address>* addresses) {
  SortUnique(&more);
  SortUnique(addresses);
  std::vector<compiler::Address> left;
  std::set_difference(more.begin(), more.end(), addresses->begin(), addresses->end(),
                      std::back_inserter(left));
  const std::size_t all = addresses->size() + left.size();
  addresses->insert(addresses->end(), left.begin(), left.end());
  if (all > limit) addresses->resize(limit);
  SortUnique(addresses);
  return all - addresses->size();
}

bool HasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& d) {
    return d.severity == Diagnostic::Severity::kError;
  });
}

}  // namespace

bool Store::listed(Kind kind) const {
  return kind == Kind::kPod         ? pods_listed_
         : kind == Kind::kNamespace ? namespaces_listed_
                                    : policies_listed_;
}

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
    case Message::Type::kEmpty:
      return EmptyObject(message);
    case Message::Type::kUpsert:
      break;
  }
  if (!message.object) return false;
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
  std::optional<compiler::Object> object;
  if (message.kind == Kind::kNamespace) object = compiler::Namespace{message.key.name, {}};
  if (message.kind == Kind::kPod) object = pipeline_->FindPod(message.key);
  if (message.kind == Kind::kNetworkPolicy) object = pipeline_->FindPolicy(message.key);
  // What is not there any more needs nothing; a quarantined pod has nothing left.
  if (!object || message.diagnostics.empty()) return false;
  std::vector<Diagnostic> diagnostics;
  Empty(message.diagnostics.front().message, &*object, &diagnostics);
  return ApplyObject(*std::move(object), diagnostics);
}

bool Store::ApplyPod(compiler::Pod pod, const std::vector<Diagnostic>& diagnostics) {
  if (HasErrors(diagnostics)) {
    const std::string pod_ns = pod.key.ns;
    if (!Quarantine(std::move(pod))) return false;
    for (const Diagnostic& diagnostic : diagnostics) {
      log_->LogAbout(pod_ns, LogLevel::kError, LogMessages::kPodUnreadable,
                     {{"problem", diagnostic.ToString()}});
    }
    return true;
  }
  // Finished pods are not there at all, also when the server tells of them.
  if (pod.finished) return Delete(Kind::kPod, pod.key);
  const bool released = Release(pod.key);
  return pipeline_->Put(pod) || released;
}

bool Store::Quarantine(compiler::Pod pod) {
  const ObjectKey key = QuarantineKey(pod.key);
  const ObjectKey name = pod.key;
  std::vector<compiler::Address> earlier;
  // What is not readable now may have been before, or the time before.
  for (const ObjectKey& known_key : {pod.key, key}) {
    const std::optional<compiler::Pod> known = pipeline_->FindPod(known_key);
    if (!known) continue;
    // Some of its addresses may be among what cannot be read. One that it no longer has does not
    // matter: a pod that got it since is newer.
    earlier.insert(earlier.end(), known->addresses.begin(), known->addresses.end());
    if (pod.node.empty()) pod.node = known->node;
    if (pod.created.empty()) pod.created = known->created;
  }
  if (const std::size_t dropped = AddUpTo(kQuarantineAddresses, earlier, &pod.addresses);
      dropped > 0) {
    log_->Error(LogMessages::kTooManyAddresses,
                {{"pod", name.ToString()}, {"kept", pod.addresses.size()}, {"dropped", dropped}});
  }
  bool changed = pipeline_->RemovePod(pod.key);
  compiler::NetworkPolicy isolate;
  isolate.key = {kQuarantine, kIsolate};
  isolate.isolates_egress = true;
  changed = pipeline_->Put(isolate) || changed;
  pod.key = key;
  pod.labels.clear();
  pod.ports.clear();
  pod.finished = false;
  quarantined_.insert(key);
  return pipeline_->Put(pod) || changed;
}

bool Store::Release(const ObjectKey& key) {
  const ObjectKey quarantined = QuarantineKey(key);
  if (quarantined_.erase(quarantined) == 0) return false;
  pipeline_->RemovePod(quarantined);
  if (quarantined_.empty()) pipeline_->RemovePolicy({kQuarantine, kIsolate});
  return true;
}

bool Store::ApplyNamespace(const compiler::Namespace& ns,
                           const std::vector<Diagnostic>& diagnostics) {
  if (HasErrors(diagnostics)) {
    for (const Diagnostic& diagnostic : diagnostics) {
      log_->LogAbout(ns.name, LogLevel::kError, LogMessages::kNamespaceUnreadable,
                     {{"problem", diagnostic.ToString()}});
    }
    return pipeline_->RemoveNamespace(ns.name);
  }
  return pipeline_->Put(ns);
}

bool Store::ApplyPolicy(const compiler::NetworkPolicy& policy,
                        const std::vector<Diagnostic>& diagnostics) {
  const ObjectKey key = policy.key;
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
      const bool released = Release(key);
      return pipeline_->RemovePod(key) || released;
    }
    case Kind::kNamespace:
      return pipeline_->RemoveNamespace(key.name);
    case Kind::kNetworkPolicy:
      broken_.erase(key);
      return pipeline_->RemovePolicy(key);
    case Kind::kUnknown:
      break;
  }
  return false;
}

}  // namespace podgate::controller
