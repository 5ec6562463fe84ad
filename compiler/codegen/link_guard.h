// The source guard: a pod's packets come from the pod's own addresses, or they do not come at all.
// One chain at the ingress of each pod's link, before bridge, VLAN and conntrack, so that what a
// pod forges never becomes a connection that is allowed already, and no frame gets around the rules
// that nft's family inet does not see (VLAN tags, other protocols).
//
// What passes: IPv4 and IPv6 from the MAC address and the addresses of the pod; its own ARP and
// neighbour discovery (RFC 826, 4861), with the unspecified address where these need it; ICMP
// errors about packets that were sent to the pod; no router advertisements, no redirects.
// Everything else is counted and dropped. Rules compare the frame's own type field: `meta protocol`
// tells what is behind a tag.
//
// Pure.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/model/link_owner.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

// Packets that the guard drops.
inline constexpr std::string_view kForgedCounter = "forged";

// The table of family netdev with a chain for each link. `owners`: each link once.
nft::Ruleset LinkGuard(std::string_view node, const std::vector<LinkOwner>& owners);

}  // namespace podgate::compiler
