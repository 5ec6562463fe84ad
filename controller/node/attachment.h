// How a local pod is attached to this node, and so whether its packets pass the hooks where the
// rules are. Pure: what the kernel says is asked for in node_links.h.
//
//   routed     by a link of its own (veth, tun, netkit), with a route to this address alone: each
//              packet to it is forwarded, and meets the rules
//   bridged    by a port of a bridge: packets from other pods on the bridge are not routed; they
//              pass our hooks only with br_netfilter, turned on for all bridges (sysctls) or for
//              this one (its own switch); either is enough
//   elsewhere  by a device that is not the pod's own: macvlan, ipvlan, a physical function, or no
//              way at all. Its packets can bypass the node's stack: nothing can be enforced from
//              here
#pragma once

#include <cstdint>
#include <string>

#include "ipset/address.h"

namespace podgate::controller {

// The way from this node to an address.
struct Route {
  enum class Kind : std::uint8_t {
    kNone,    // `problem` says why
    kLocal,   // the address is the node's
    kDevice,  // over `device`
  };
  Kind kind = Kind::kNone;
  int device = 0;         // index of a link; 0: several
  bool gateway = false;   // by way of another router
  int prefix_length = 0;  // of the route that matches; 0: the default route
  std::string problem{};
};

struct Link {
  std::string name;
  std::string kind;  // as the kernel calls it; empty: a physical device
  // Bridges: their own switch, nf_call_iptables and nf_call_ip6tables in `ip -d link`.
  bool call_iptables = false;
  bool call_ip6tables = false;
  bool Calls(ipset::Family family) const {
    return family == ipset::Family::kIPv4 ? call_iptables : call_ip6tables;
  }
};

struct Attachment {
  enum class How : std::uint8_t { kRouted, kBridged, kElsewhere };
  How how = How::kElsewhere;
  int bridge = 0;        // kBridged: the index of the link
  std::string reason{};  // kElsewhere: the end of a sentence that begins with the address
};

// `link` of the route's device; nullptr: not to be had.
Attachment Judge(const Route& route, const Link* link, ipset::Family family);

}  // namespace podgate::controller
