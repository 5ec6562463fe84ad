// Whether the name that the agent was given is the name of the machine it runs on, judged by what
// the API server says about the Node and what kubelets wrote into pods. Tenants can make a pod name
// any node (spec.nodeName); addresses of nodes (Node status, status.hostIPs) they cannot write.
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "controller/node/node_object.h"

namespace podgate::controller {

struct NodeEvidence {
  NodeObject object{};
  nft::Addresses machine{};         // this machine's; sorted
  bool named_by_pods = false;       // some pod that has not finished is on a node of this name
  nft::Addresses host_addresses{};  // that those pods tell of their node
  std::string other_node{};  // a node of another name whose pods tell an address of this machine
};

struct NodeVerdict {
  enum class Kind : std::uint8_t {
    kRight,    // an address of the node is an address of this machine
    kUnknown,  // nothing tells: the name is believed
    kAbsent,   // no Node has the name, and no pod names it
    kWrong,    // the node has other addresses, or this machine is another node
  };
  Kind kind = Kind::kUnknown;
  std::string problem{};  // a sentence; empty with kRight and kUnknown
  bool stops() const { return kind == Kind::kAbsent || kind == Kind::kWrong; }
};

// The Node decides where it can be read and has addresses; else the pods that name the node; else
// the pods of other nodes.
NodeVerdict JudgeNode(const std::string& node, const NodeEvidence& evidence);

}  // namespace podgate::controller
