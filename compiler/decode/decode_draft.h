// One object of the API while it is being read, and what becomes of it at its end, when kind,
// version and name are known. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/decode/decode_problem.h"
#include "compiler/decode/decode_tree.h"
#include "compiler/decode/decoded.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

struct Draft {
  std::size_t start = kNoOffset;  // where it begins
  bool is_list = false;           // it has `items`
  bool in_root_list = false;      // it is an item of the text's own list
  std::string kind;
  std::string api_version;
  std::size_t kind_offset = kNoOffset;
  std::size_t api_version_offset = kNoOffset;
  // Metadata; also of kinds that are no pods.
  Pod pod;
  bool deleting = false;  // it has a deletionTimestamp
  std::string generate_name;
  std::string resource_version;
  std::string continue_token;
  bool initial_events_end = false;
  std::size_t name_offset = kNoOffset;
  bool name_unreadable = false;  // of a wrong type, which has been told
  std::size_t namespace_offset = kNoOffset;
  bool namespace_unreadable = false;       // the same
  std::vector<std::size_t> label_offsets;  // of pod.labels, while those are in the text's order
  // Parts of a pod.
  bool has_pod_ips = false;  // entries of status.podIPs, which win over podIP
  bool has_host_ips = false;
  std::optional<Address> pod_ip;
  std::optional<Address> host_ip;
  NamedPort port;  // the container port that is being read
  std::size_t port_offset = kNoOffset;
  bool port_valid = true;
  std::vector<NamedPort> container_ports;  // of the container that is being read
  std::string restart_policy;
  // Parts of a Node; the first two of the address that is being read.
  std::string node_address_type;
  std::optional<Address> node_address;
  std::vector<Address> node_addresses;
  ApiStatus status;
  Problems problems;  // of the parts above; they count for pods and namespaces only
  TreeBuilder tree;   // of what is or may be a NetworkPolicy
};

// What an object of a manifest is to Podgate, apart from what may be wrong with it.
enum class Standing : std::uint8_t {
  kRead,       // of a kind that is read, or meant to be
  kOtherKind,  // of the API, and without meaning here
  kNoObject,   // no object of the API: it has no kind
};

// What is known about an object from outside of it.
struct DraftContext {
  bool manifest =
      false;  // somebody's file: syntax of names and labels is checked, "default" is filled in
  Kind expected = Kind::kUnknown;  // the API was asked for this kind
  bool in_list = false;            // an item, which must say what it is unless its list does
  // From the list around it; for objects that have none of their own.
  std::string_view default_kind;
  std::string_view default_api_version;
};

struct Finished {
  std::optional<Object> object;
  std::optional<Node> node;  // of manifests
  Standing standing = Standing::kRead;
  std::string kind;  // as it is written, or as the list around it says
  std::string api_version;
  std::string name;  // "pod x/a"; empty when it has no name to be called by
  std::vector<Problem> problems;
  std::size_t start = kNoOffset;  // where it begins
};

// The kind's spelling in the API; empty for kUnknown.
std::string_view NameOf(Kind kind);
// Whether an object of this kind is ignored, whatever it holds. An empty kind is not.
bool IsOtherKind(std::string_view kind);

Finished Finish(Draft&& draft, const DraftContext& context);

}  // namespace podgate::compiler
