// Which addresses pods of this node have beside those that their statuses tell (of SLAAC, of a
// second family, of a second interface), so that the rules of the pod cover them as well.
//
// Who is root in a pod can give it any address, and must not get at others by that. So a further
// address counts only where nobody else can be meant: the node's way to it is a link of the pod, or
// a bridge that the pod is attached to and that only leads to namespaces of this node; or the node
// knows no way to it at all, so that only pods on such a bridge can, or a pod with routes of its
// own, which has no bridge. (In a VRF, or on a switch that is no bridge, others may be meant that
// the node's main routes know nothing of.) An address that a local pod's status tells is that
// pod's. One that several namespaces hold counts for all of their pods.
//
// Pure.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/node/pod_namespaces.h"
#include "ipset/address.h"

namespace podgate::controller {

struct FurtherAddresses {
  // Those of a pod that are taken. SLAAC with temporary addresses makes about ten.
  static constexpr std::size_t kMaxTaken = 32;
  // Those that are looked at: each costs a question to the kernel.
  static constexpr std::size_t kMaxAsked = 64;

  struct OfPod {
    compiler::ObjectKey key;
    std::string uid;
    std::vector<ipset::Address> taken{};  // sorted, unique
    // Those that no rule of the pod covers: the node's way to them is another one, or they are too
    // many. Sorted, unique, no more than kMaxAsked.
    std::vector<ipset::Address> uncovered{};
    bool more = false;  // there are more than were looked at
    friend bool operator==(const OfPod&, const OfPod&) = default;
  };
  std::vector<OfPod> pods{};  // with any of them, by key
  // Bridges over which pods are reached at these addresses, which the rules must see the packets
  // of.
  std::set<std::pair<int, ipset::Family>> bridges{};
  // What means all pods of one of their bridges at once.
  std::vector<ipset::Prefix> broadcast{};
  // Pods whose network namespace was not found: nothing is known of their further addresses.
  std::vector<compiler::ObjectKey> without_namespace{};
  friend bool operator==(const FurtherAddresses&, const FurtherAddresses&) = default;
};

FurtherAddresses FindFurther(const NodeSpaces& spaces, const NamespaceOwners::Owners& owners,
                             const LocalPods& pods, const WayTo& way_to);

}  // namespace podgate::controller
