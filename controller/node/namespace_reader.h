// What the kernel says of the links of this node, of the addresses in the network namespaces at
// their other ends, and of the ways from here to these addresses, behind a seam. Needs
// CAP_NET_ADMIN and nothing of the file system. One thread, but for event_descriptor().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "controller/node/namespace_codec.h"
#include "ipset/address.h"
#include "nft/base/status.h"

namespace podgate::controller {

// The way from this node to an address.
struct Way {
  enum class Kind : std::uint8_t {
    kUnknown,  // the kernel did not answer
    kNowhere,  // there is no route, not even a default route, or it rejects
    kNode,     // the address is the node's own, or a broadcast address of it
    kDevice,   // over `device`
  };
  Kind kind = Kind::kUnknown;
  int device = 0;         // index of a link; 0: several
  bool gateway = false;   // by way of another router
  int prefix_length = 0;  // of the route; 0: the default route
};

// The addresses in one network namespace, in the kernel's order, without those that duplicate
// address detection found in use elsewhere.
struct HeldAddresses {
  std::vector<ipset::Address> addresses;
  struct OnLink {
    int link = 0;  // its index there
    ipset::Address address;
    int prefix_length = 0;  // of its subnet
  };
  std::vector<OnLink> on_links;  // the same
  bool cut_off = false;          // there are more
};

class NamespaceReader {
 public:
  // Of one namespace are read. Whoever is root in there can make more, to keep the reader busy.
  static constexpr std::size_t kMaxAddresses = 1024;
  static constexpr std::size_t kMaxLinks = 256;

  virtual ~NamespaceReader() = default;
  virtual nft::Result<std::vector<NodeLink>> Links() = 0;
  // `netns`: NodeLink::peer_netns of a link that is still there, or kOwnNetns.
  virtual nft::Result<HeldAddresses> AddressesIn(int netns) = 0;
  // The links there, at most kMaxLinks.
  virtual nft::Result<std::vector<NodeLink>> LinksIn(int netns) = 0;
  virtual Way WayTo(const ipset::Address& address) = 0;

  // Becomes readable when links change, and when addresses do: in all namespaces where the kernel
  // lets us listen to them (CAP_NET_BROADCAST), else in this one. -1: nothing tells. Any thread.
  virtual int event_descriptor() const = 0;
  // Forgets what was told so far: the next look sees it.
  virtual void DiscardEvents() = 0;
};

// In the network namespace of the calling thread.
std::unique_ptr<NamespaceReader> OpenNamespaceReader();

}  // namespace podgate::controller
