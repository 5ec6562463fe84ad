// What the API server answers when it is asked for this node's Node (core/v1). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nft/conntrack/flow_judge.h"

namespace podgate::controller {

struct NodeObject {
  enum class State : std::uint8_t {
    kUnknown,  // no right to read it, no such path, the server failed: nothing is known
    kAbsent,   // the server says that no Node has this name
    kFound,
  };
  State state = State::kUnknown;
  // kFound: status.addresses of the types InternalIP and ExternalIP that are addresses; sorted,
  // unique. A Node that was just made may have none.
  nft::Addresses addresses{};
  friend bool operator==(const NodeObject&, const NodeObject&) = default;
};

// Where to GET it: the name is percent-encoded.
std::string NodeTarget(std::string_view node);

// `body` of an answer with this status. A 404 counts only if its metav1.Status says NotFound of
// this very node: a server or proxy that does not know the path says nothing about the node.
NodeObject ReadNodeObject(std::string_view node, int status, std::string_view body);

}  // namespace podgate::controller
