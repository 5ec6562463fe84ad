// What decoding is asked for and what it gives: kinds, limits, objects, list metadata, watch
// events, statuses. Values only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/model/diagnostic.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

struct DecodeLimits {
  // One object's text. etcd stores objects of up to 1.5 MiB, and JSON writes a control character as
  // six bytes: no object that an API server stores is longer.
  std::size_t object_bytes = 10u << 20;
  std::size_t policy_nodes = 200'000;  // values inside one NetworkPolicy
};

// The kinds that are decoded. Objects of other kinds are ignored.
using Object = std::variant<Pod, Namespace, NetworkPolicy>;

// An object decoded, or what stood in its place. A NetworkPolicy with errors is delivered as well
// (broken: its `errors` say why); a Pod or Namespace that cannot be read is delivered as far as its
// key is known, with the diagnostics, so that the caller can fail closed for it.
struct Decoded {
  std::optional<Object> object;         // nullopt: ignored, or nothing readable
  std::vector<Diagnostic> diagnostics;  // errors and warnings about it
};

// A list's or object's kind when it is known beforehand (an API list's items carry none).
enum class Kind { kUnknown, kPod, kNamespace, kNetworkPolicy };

struct ListMeta {
  std::string resource_version;
  std::string continue_token;
};

// One line of a watch stream.
struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark, kError };
  Type type = Type::kError;
  Decoded decoded;                  // kAdded, kModified, kDeleted
  std::string resource_version;     // of the object; of the bookmark
  bool initial_events_end = false;  // bookmark annotated k8s.io/initial-events-end
  // kError: the Status object.
  int status_code = 0;
  std::string status_reason;
  std::string status_message;
};

// A metav1.Status body (answers other than 200).
struct ApiStatus {
  int code = 0;
  std::string reason;
  std::string message;
  int retry_after_seconds = 0;
};

}  // namespace podgate::compiler
