// What the kernel says of routes, links and br_netfilter in this network namespace, behind a seam.
// One thread.
#pragma once

#include <memory>

#include "controller/node/attachment.h"
#include "ipset/address.h"
#include "nft/base/status.h"

namespace podgate::controller {

// Whether bridged packets of a family pass the hooks of iptables and nftables, on all bridges.
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

class NodeLinks {
 public:
  virtual ~NodeLinks() = default;
  virtual Route RouteTo(const ipset::Address& address) = 0;
  virtual nft::Result<Link> LinkOf(int index) = 0;
  virtual BridgeFilter Filter(ipset::Family family) = 0;
  virtual nft::Status TurnFilterOn(ipset::Family family) = 0;
};

std::unique_ptr<NodeLinks> OpenNodeLinks();

}  // namespace podgate::controller
