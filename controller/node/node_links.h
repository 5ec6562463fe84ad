// What the kernel says of routes, links and br_netfilter in this network namespace, and the own
// switch of a bridge, behind a seam. One thread.
#pragma once

#include <memory>

#include "controller/node/attachment.h"
#include "ipset/address.h"
#include "nft/base/status.h"

namespace podgate::controller {

// The sysctl that makes the packets of all bridges pass the hooks of iptables and nftables. It is
// only read: it is about bridges that are not ours, too.
struct BridgeFilter {
  enum class State : std::uint8_t {
    kOn,
    kOff,
    kMissing,     // br_netfilter is not loaded
    kUnreadable,  // `problem` says why
  };
  State state = State::kMissing;
  std::string problem{};
};

// "net.bridge.bridge-nf-call-iptables", or -ip6tables.
const char* BridgeSysctl(ipset::Family family);
// "nf_call_iptables", or nf_call_ip6tables: a bridge's own switch, as `ip link` spells it.
const char* BridgeSwitch(ipset::Family family);

class NodeLinks {
 public:
  virtual ~NodeLinks() = default;
  virtual Route RouteTo(const ipset::Address& address) = 0;
  virtual nft::Result<Link> LinkOf(int index) = 0;
  virtual BridgeFilter Filter(ipset::Family family) = 0;
  // Turns on the own switch of the bridge with this index. Needs CAP_NET_ADMIN and nothing of
  // /proc/sys. Has an effect once br_netfilter is loaded, which this does not load.
  virtual nft::Status TurnFilterOn(int bridge, ipset::Family family) = 0;
};

std::unique_ptr<NodeLinks> OpenNodeLinks();

}  // namespace podgate::controller
