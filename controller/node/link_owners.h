// Which pod each link of this node leads to, and what the packets that come from there may say of
// their sender. What is at the other end is asked once for each link, since whoever is root there
// can change it: it stays for as long as the link is there. What pods write on the way, neighbour
// tables and bridges' forwarding tables, is never asked.
//
// Pure; one thread.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "compiler/model/link_owner.h"
#include "controller/node/further_addresses.h"
#include "controller/node/pod_namespaces.h"

namespace podgate::controller {

class LinkOwners {
 public:
  // Of a pod's end. A router's advertisements make two; more are no one's.
  static constexpr std::size_t kMaxLinkLocal = 4;

  // The links in a network namespace, by the kernel's number for it; empty: the kernel does not
  // tell.
  using LinksIn = std::function<std::vector<NodeLink>(int netns)>;

  // Only links to namespaces of one pod, over which the pod has one of its addresses. By index. A
  // link that came with the MAC address of another one has no address: to be left alone would be
  // what whoever copied it wants.
  std::vector<compiler::LinkOwner> Find(const NodeSpaces& spaces,
                                        const NamespaceOwners::Owners& owners,
                                        const LocalPods& pods, const FurtherAddresses& further,
                                        const LinksIn& links_in);

 private:
  struct End {
    int index = 0;  // in the pod's namespace
    compiler::MacAddress mac{};
    std::vector<ipset::Address> link_local{};  // first seen there
    bool copied = false;                       // another link had the MAC address first
  };
  static bool IsTaken(const compiler::MacAddress& mac, const std::map<int, End>& by);
  void LearnLinkLocal(const HeldAddresses& held, End* end) const;

  std::map<int, End> ends_;  // by the index of the node's link
};

// The link-local address that a MAC address stands for (RFC 4291, appendix A).
ipset::Address LinkLocalOf(const compiler::MacAddress& mac);

// The link-local addresses of pods on a bridge reach their neighbours there: they are further
// addresses of their pods.
void AddLinkLocal(const NodeSpaces& spaces, const std::vector<compiler::LinkOwner>& owners,
                  FurtherAddresses* further);

// What means all pods of a bridge at once: first and last address of its IPv4 subnets, of which old
// kernels take the first for a broadcast address too. `own`: the node's. Sorted.
std::vector<ipset::Prefix> BroadcastOf(const NodeSpaces& spaces, const HeldAddresses& own);

}  // namespace podgate::controller
