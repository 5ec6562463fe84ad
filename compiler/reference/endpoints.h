// Who the two ends of a query are, and with which addresses its packets travel: the one place where
// names and bare addresses of a question become pods, nodes and outside addresses. Deliberately
// naive (every answer is a walk over all pods), so that it can serve the reference evaluator. Pure;
// pointers are into the cluster.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/model/model.h"
#include "compiler/reference/flow_query.h"

namespace podgate::compiler {

// One end of a query after the decisions of design §4 about who counts as what.
struct Endpoint {
  enum class Kind : std::uint8_t { kPod, kNode, kOutside };
  Kind kind = Kind::kOutside;
  const Pod* pod = nullptr;       // kPod
  std::string node;               // kNode: its name; kPod: where it runs, may be empty
  const Pod* host_pod = nullptr;  // kNode: the hostNetwork pod that was asked about, if one was
  // Address in the query's family; nullopt: none is known.
  std::optional<Address> address;
};

struct Endpoints {
  Endpoint from;
  Endpoint to;
  std::optional<Family> family;  // nullopt: neither end has any address
};

// nullopt with `error` set if an end is not in the cluster, is a finished pod, or if the ends have
// no common family.
std::optional<Endpoints> ResolveEndpoints(const Cluster& cluster, const FlowQuery& query,
                                          std::string* error);

// The pods that have the address for the rules of `node`: those that run there, or where none does
// all others. By key.
std::vector<const Pod*> OwnersOf(const Cluster& cluster, const Address& address,
                                 const std::string& node);

// The pods that claim the address, each on its own node; by key.
std::vector<const Pod*> ClaimantsOf(const Cluster& cluster, const Address& address);

// The node's own addresses: those of its Node object (status.addresses), and what its pods tell
// (status.hostIPs; a hostNetwork pod's address is its node's). Sorted, less those that a pod owns.
std::vector<Address> NodeAddresses(const Cluster& cluster, const std::string& node);

}  // namespace podgate::compiler
