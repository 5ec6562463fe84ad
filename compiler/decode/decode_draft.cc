#include "compiler/decode/decode_draft.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

#include "compiler/decode/decode_policy.h"
#include "compiler/model/syntax.h"

namespace podgate::compiler {
namespace {

constexpr std::string_view kPolicyVersion = "networking.k8s.io/v1";
constexpr std::string_view kPartial = "PartialObjectMetadata";
constexpr std::string_view kNode = "Node";

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

Kind KindOf(std::string_view name) {
  for (const Kind kind : {Kind::kPod, Kind::kNamespace, Kind::kNetworkPolicy}) {
    if (name == NameOf(kind)) return kind;
  }
  return Kind::kUnknown;
}

std::string_view VersionOf(Kind kind) {
  return kind == Kind::kNetworkPolicy ? kPolicyVersion : std::string_view("v1");
}

// Groups of other people have a domain name of their own; a kind of ours there is something else.
bool IsForeignGroup(std::string_view api_version) {
  const std::size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view group = api_version.substr(0, slash);
  return group.find('.') != std::string_view::npos && group != "networking.k8s.io";
}

// Files lie among manifests that are none: values of charts, settings of other programs. One
// without a kind is such a file, unless its version can be that of a policy.
bool IsNoObject(std::string_view kind, std::string_view version, const DraftContext& context) {
  if (context.in_list) return false;
  return kind.empty() ? version != kPolicyVersion : KindOf(kind) == Kind::kUnknown && kind != kNode;
}

// What the object is. kUnknown: none of Kind; then an error has been reported, or it is passed
// over.
Kind Identify(const Draft& draft, const DraftContext& context, Problems* problems,
              Standing* standing) {
  std::string_view kind = draft.kind.empty() ? context.default_kind : draft.kind;
  std::string_view version =
      draft.api_version.empty() ? context.default_api_version : draft.api_version;
  if (context.expected != Kind::kUnknown) {
    if (kind.empty() || kind == kPartial || kind == NameOf(context.expected)) {
      if (kind == kPartial || version.empty() || version == VersionOf(context.expected)) {
        return context.expected;
      }
    }
    problems->Error(draft.kind_offset == kNoOffset ? draft.start : draft.kind_offset, "kind",
                    "must be " + std::string(NameOf(context.expected)) + " of " +
                        std::string(VersionOf(context.expected)) + ", found " + Quote(kind) +
                        " of " + Quote(version));
    return Kind::kUnknown;
  }
  if (kind.empty() || version.empty()) {
    const bool no_object = context.manifest && IsNoObject(kind, version, context);
    if (no_object) *standing = Standing::kNoObject;
    problems->Add(no_object ? Diagnostic::Severity::kSkipped : Diagnostic::Severity::kError,
                  draft.start, kind.empty() ? "kind" : "apiVersion",
                  "missing; every object needs apiVersion and kind");
    return Kind::kUnknown;
  }
  *standing = Standing::kOtherKind;
  const Kind known = KindOf(kind);
  if (known == Kind::kUnknown) {
    for (const Kind other : {Kind::kPod, Kind::kNamespace, Kind::kNetworkPolicy}) {
      if (version == VersionOf(other) && Lower(kind) == Lower(NameOf(other))) {
        *standing = Standing::kRead;
        problems->Error(draft.kind_offset, "kind",
                        "must be written " + std::string(NameOf(other)) + ", found " + Quote(kind));
      }
    }
    return Kind::kUnknown;
  }
  if (version == VersionOf(known)) {
    *standing = Standing::kRead;
    return known;
  }
  if (IsForeignGroup(version)) return Kind::kUnknown;
  *standing = Standing::kRead;
  const std::size_t offset =
      draft.api_version_offset == kNoOffset ? draft.start : draft.api_version_offset;
  if (known == Kind::kNetworkPolicy && version == "extensions/v1beta1") {
    problems->Error(
        offset, "apiVersion",
        "extensions/v1beta1 was removed in Kubernetes 1.16; expected networking.k8s.io/v1");
  } else {
    problems->Error(offset, "apiVersion",
                    "must be " + std::string(VersionOf(known)) + " for the kind " +
                        std::string(kind) + ", found " + Quote(version));
  }
  return Kind::kUnknown;
}

// Sorts the labels; a key that is given twice keeps its first value.
void FinishLabels(Draft* draft, bool manifest) {
  Labels& labels = draft->pod.labels;
  if (manifest) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (const auto wrong = CheckLabelKey(labels[i].first)) {
        draft->problems.Error(draft->label_offsets[i], "metadata.labels", *wrong);
      }
      if (const auto wrong = CheckLabelValue(labels[i].second)) {
        draft->problems.Error(draft->label_offsets[i], "metadata.labels", *wrong);
      }
    }
  }
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0);
  // Without the memory that a stable sort takes for each object.
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const int order_of_keys = labels[a].first.compare(labels[b].first);
    return order_of_keys != 0 ? order_of_keys < 0 : a < b;
  });
  Labels sorted;
  sorted.reserve(labels.size());
  for (const std::size_t index : order) {
    if (!sorted.empty() && sorted.back().first == labels[index].first) {
      draft->problems.Error(
          draft->label_offsets[index], "metadata.labels",
          "the label " + Quote(sorted.back().first) + " is given more than once; expected one");
      continue;
    }
    sorted.push_back(std::move(labels[index]));
  }
  labels = std::move(sorted);
}

template <typename T>
void SortUnique(std::vector<T>* items) {
  std::sort(items->begin(), items->end());
  items->erase(std::unique(items->begin(), items->end()), items->end());
}

void FinishPod(Draft* draft) {
  Pod& pod = draft->pod;
  pod.still_running = pod.finished && pod.still_running;
  if (!draft->has_pod_ips && draft->pod_ip) pod.addresses.push_back(*draft->pod_ip);
  if (!draft->has_host_ips && draft->host_ip) pod.host_addresses.push_back(*draft->host_ip);
  SortUnique(&pod.addresses);
  SortUnique(&pod.host_addresses);
  SortUnique(&pod.ports);
}

Finished FinishNode(Draft&& draft, Finished&& finished) {
  finished.standing = Standing::kRead;
  finished.name = "node " + draft.pod.key.name;
  Problems found;
  if (const auto wrong = CheckSubdomain(draft.pod.key.name)) {
    found.Error(draft.name_offset == kNoOffset ? draft.start : draft.name_offset, "metadata.name",
                *wrong);
  } else {
    SortUnique(&draft.node_addresses);
    finished.node = Node{draft.pod.key.name, std::move(draft.node_addresses)};
  }
  finished.problems = found.Take();
  for (Problem& problem : draft.problems.Take()) finished.problems.push_back(std::move(problem));
  return std::move(finished);
}

// False when the object cannot be told from others.
bool CheckName(Kind kind, const Draft& draft, bool manifest, Problems* problems) {
  const ObjectKey& key = draft.pod.key;
  if (key.name.empty() && !draft.name_unreadable) {
    problems->Error(
        draft.name_offset == kNoOffset ? draft.start : draft.name_offset, "metadata.name",
        draft.generate_name.empty() ? "missing; expected a name"
                                    : "missing; generateName is not enough here, expected a name");
  }
  // It says that it belongs somewhere else than into `default`.
  if (kind != Kind::kNamespace && draft.namespace_unreadable) return false;
  // What an API server holds has been checked by it.
  if (!manifest) return !key.name.empty();
  if (!key.name.empty()) {
    const auto wrong =
        kind == Kind::kNamespace ? CheckDnsLabel(key.name) : CheckSubdomain(key.name);
    if (wrong) problems->Error(draft.name_offset, "metadata.name", *wrong);
  }
  if (kind != Kind::kNamespace) {
    if (const auto wrong = CheckDnsLabel(key.ns)) {
      problems->Error(draft.namespace_offset, "metadata.namespace", *wrong);
    }
  }
  return !key.name.empty();
}

}  // namespace

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kPod:
      return "Pod";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kNetworkPolicy:
      return "NetworkPolicy";
    case Kind::kUnknown:
      break;
  }
  return "";
}

bool IsOtherKind(std::string_view kind) {
  return !kind.empty() && kind != kPartial && kind != kNode && KindOf(kind) == Kind::kUnknown &&
         !kind.ends_with("List");
}

Finished Finish(Draft&& draft, const DraftContext& context) {
  Finished finished;
  finished.start = draft.start;
  Problems found;  // of kind and name, which come before those of the parts
  const Kind kind = Identify(draft, context, &found, &finished.standing);
  if (context.manifest) {
    finished.kind = draft.kind.empty() ? context.default_kind : draft.kind;
    finished.api_version =
        draft.api_version.empty() ? context.default_api_version : draft.api_version;
    if (finished.kind == kNode && finished.api_version == "v1") {
      return FinishNode(std::move(draft), std::move(finished));
    }
  }
  ObjectKey& key = draft.pod.key;
  if (kind == Kind::kNamespace) {
    key.ns.clear();
  } else if (key.ns.empty() && context.manifest && !draft.namespace_unreadable) {
    key.ns = "default";
  }
  const std::string_view kind_name =
      kind == Kind::kUnknown ? std::string_view(draft.kind) : NameOf(kind);
  if (!kind_name.empty() && kind_name.size() <= 63) {
    finished.name = Lower(kind_name) + " " +
                    (key.name.empty() ? ObjectKey{key.ns, "?"}.ToString() : key.ToString());
  }
  if (kind == Kind::kUnknown) {
    finished.problems = found.Take();
    // A kind of a wrong type is not a missing one.
    std::vector<Problem> parts = draft.problems.Take();
    std::erase_if(parts, [](const Problem& problem) {
      return problem.field != "kind" && problem.field != "apiVersion";
    });
    if (!finished.problems.empty() && !parts.empty()) finished.problems = std::move(parts);
    return finished;
  }
  const bool named = CheckName(kind, draft, context.manifest, &found);
  Problems& parts = kind == Kind::kNetworkPolicy ? found : draft.problems;
  if (kind == Kind::kNetworkPolicy) {
    NetworkPolicy policy;
    policy.key = key;
    policy.uid = std::move(draft.pod.uid);
    if (draft.tree.overflowed()) {
      found.Error(draft.start, "spec", "has more values than a NetworkPolicy may have");
      DenyAll(&policy);
    } else {
      ReadPolicy(draft.tree.root(), context.manifest, &policy, &parts);
    }
    if (named) finished.object = std::move(policy);
  } else {
    FinishLabels(&draft, context.manifest);
    if (kind == Kind::kPod) {
      FinishPod(&draft);
      if (named) finished.object = std::move(draft.pod);
    } else if (named) {
      finished.object = Namespace{key.name, std::move(draft.pod.labels), std::move(draft.pod.uid),
                                  draft.deleting};
    }
  }
  finished.problems = found.Take();
  if (kind != Kind::kNetworkPolicy) {
    for (Problem& problem : draft.problems.Take()) finished.problems.push_back(std::move(problem));
  }
  return finished;
}

}  // namespace podgate::compiler
