// Questions to rtnetlink about links and about the addresses in the network namespaces at their
// other ends, and the answers. Bytes and values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "compiler/model/link_owner.h"
#include "controller/node/route_codec.h"
#include "ipset/address.h"

struct nlmsghdr;

namespace podgate::controller {

inline constexpr int kOwnNetns = -1;

// A link of this network namespace, or of another one.
struct NodeLink {
  int index = 0;
  std::string name;
  std::string kind;     // as the kernel calls it; empty: a physical device
  int master = 0;       // index of the bridge, VRF, bond, … that it is a port of; 0: none
  int peer_netns = -1;  // the kernel's number (nsid) for the namespace of its peer; -1: this one
  int peer = 0;         // index of the peer there; 0: it has none
  std::optional<compiler::MacAddress> mac{};  // nullopt: it has none, or a longer one
  int netns = kOwnNetns;                      // whose it is, as the kernel says it
};

// All links, of this namespace or of the one that the kernel has this number for, as below.
const nlmsghdr* AskLinks(QuestionBuffer buffer, std::uint32_t sequence, int netns = kOwnNetns);

// All addresses of both families on all interfaces: of this namespace, or of the one that the
// kernel has this number for (IFA_TARGET_NETNSID, Linux 4.20). The latter needs CAP_NET_ADMIN in
// the user namespace that owns the other one, and a socket with strict checking.
const nlmsghdr* AskAddresses(QuestionBuffer buffer, std::uint32_t sequence, int netns);

struct HeldAddress {
  ipset::Address address;
  std::optional<ipset::Address> broadcast;
  int netns = kOwnNetns;   // whose it is, as the kernel says it
  int link = 0;            // index, there, of what has it
  int prefix_length = 0;   // of its subnet
  bool duplicate = false;  // another host has it (duplicate address detection): not in use
};

// nullopt: no answer to such a question, or not to be understood.
std::optional<NodeLink> DecodeNodeLink(const nlmsghdr* message);
std::optional<HeldAddress> DecodeAddress(const nlmsghdr* message);

}  // namespace podgate::controller
