// From bytes to objects of the model: one object, a list, or one watch event, in JSON as an API
// server sends it (nlohmann SAX). YAML documents go through the same handlers
// (compiler/load/load_result.h). Pure; memory is bounded by the limits below plus what the model
// keeps.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/model/diagnostic.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

struct DecodeLimits {
  std::size_t depth = 64;               // nesting of objects and arrays
  std::size_t object_bytes = 8u << 20;  // one object's text
  std::size_t policy_nodes = 200'000;   // values inside one NetworkPolicy
};

// What the decoder was asked for. An object of a kind not named here is passed over.
using Object = std::variant<Pod, Namespace, NetworkPolicy>;

// An object decoded, or what stood in its place. A NetworkPolicy with errors is delivered as well
// (broken: its `errors` say why); a Pod or Namespace that cannot be read is delivered as far as its
// key is known, with the diagnostics, so that the caller can fail closed for it.
struct Decoded {
  std::optional<Object> object;         // nullopt: passed over, or nothing readable
  std::vector<Diagnostic> diagnostics;  // errors and warnings about it
};

// A list's or object's kind when it is known beforehand (an API list's items carry none).
enum class Kind { kUnknown, kPod, kNamespace, kNetworkPolicy };

struct ListMeta {
  std::string resource_version;
  std::string continue_token;
};

// One page of a list. Items are handed over one after the other while the text is parsed.
// Returns the list's metadata, or a diagnostic when the text is not a readable list (items handed
// over before stay handed over; the caller must then not treat the list as complete).
std::variant<ListMeta, Diagnostic> DecodeList(std::string_view json, Kind kind,
                                              const std::function<void(Decoded&&)>& item,
                                              const DecodeLimits& limits = {});

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
std::variant<WatchEvent, Diagnostic> DecodeWatchEvent(std::string_view json, Kind kind,
                                                      const DecodeLimits& limits = {});

// A metav1.Status body (answers other than 200). nullopt when it is none.
struct ApiStatus {
  int code = 0;
  std::string reason;
  std::string message;
  int retry_after_seconds = 0;
};
std::optional<ApiStatus> DecodeStatus(std::string_view json);

}  // namespace podgate::compiler
