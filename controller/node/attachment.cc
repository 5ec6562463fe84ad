#include "controller/node/attachment.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace podgate::controller {
namespace {

// Links with the pod alone at their other end.
constexpr std::array<std::string_view, 3> kOwnLinks{"veth", "tun", "netkit"};

Attachment Elsewhere(std::string reason) {
  return {Attachment::How::kElsewhere, 0, std::move(reason)};
}

}  // namespace

Attachment Judge(const Route& route, const Link* link, ipset::Family family) {
  if (route.kind == Route::Kind::kNone)
    return Elsewhere("cannot be reached (" + route.problem + ")");
  if (route.kind == Route::Kind::kLocal) return Elsewhere("is an address of the node itself");
  if (route.device == 0) return Elsewhere("is reached over several devices");
  if (link == nullptr) return Elsewhere("is reached through a device that no longer exists");
  const std::string device =
      link->name + (link->kind.empty() ? " (a physical device)" : " (" + link->kind + ")");
  if (route.prefix_length == 0)
    return Elsewhere("has no route of its own, only the default route through " + device);
  if (route.gateway) return Elsewhere("is reached through a gateway on " + device);
  if (link->kind == "bridge") return {Attachment::How::kBridged, route.device, {}};
  // A route to more than the address leads to others too: a veth pair may end in a bridge
  // elsewhere.
  const bool alone = route.prefix_length == ipset::BitsOf(family);
  if (alone && std::find(kOwnLinks.begin(), kOwnLinks.end(), link->kind) != kOwnLinks.end())
    return {Attachment::How::kRouted, 0, {}};
  return Elsewhere("is reached through " + device + ", which is not a link of the pod alone");
}

}  // namespace podgate::controller
