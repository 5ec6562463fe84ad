// The network namespaces at the other ends of this node's links, and which pod each belongs to.
//
// A pod's status tells addresses, and a namespace that holds one of them may be the pod's; but who
// is root in a namespace can give it any address. So:
//
//   a route to the address alone, over a link of the namespace, proves that it is the pod's: routes
//   are the node's, not the pods'
//   else a namespace is the pod's if it is the only one with an address of the pod's, or the only
//   one that holds addresses of this pod and of no other one that is still looked for
//   what was found stays so for as long as one of the links is there and the pod is: what a pod
//   adds later, or removes, changes nothing
//   else the namespace belongs to each pod that it may belong to: those that it holds addresses of,
//   and those that no namespace was found for
//
// Pure; one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/incremental/pipeline.h"
#include "controller/node/namespace_reader.h"

namespace podgate::controller {

using LocalPods = std::vector<compiler::Pipeline::LocalPod>;
using WayTo = std::function<Way(const ipset::Address&)>;

struct PodNamespace {
  int netns = 0;                  // the kernel's number for it
  std::set<int> links{};          // on this node, by index
  std::vector<NodeLink> pairs{};  // the same, in the kernel's order
  std::set<int> bridges{};        // that they are ports of
  // One of them has a master that is no bridge (VRF, Open vSwitch, bond, team): what reaches it
  // there is not for the node's main routes to tell.
  bool other_master = false;
  HeldAddresses held{};  // sorted
};

struct NodeSpaces {
  std::vector<PodNamespace> namespaces{};  // by number
  // Bridges with a port that leads elsewhere than to a namespace or nowhere: others than pods speak
  // there, from other machines too.
  std::set<int> shared_bridges{};
};

// Without addresses: which are to be asked for.
NodeSpaces GroupLinks(const std::vector<NodeLink>& links);

class NamespaceOwners {
 public:
  struct Owners {
    // For each namespace the places of its pods in `pods`, sorted: none, one, or all that it may
    // belong to.
    std::vector<std::vector<std::size_t>> of;
    std::vector<std::size_t> homeless;  // pods that no namespace was found for, sorted
  };
  Owners Find(const std::vector<PodNamespace>& namespaces, const LocalPods& pods,
              const WayTo& way_to);

 private:
  using PodId = std::pair<compiler::ObjectKey, std::string>;  // name and uid
  std::map<int, PodId> found_;                                // by the index of a link
};

}  // namespace podgate::controller
