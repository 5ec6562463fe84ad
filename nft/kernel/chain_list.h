// The chains of all tables and families in the network namespace, ours and everybody's: for those
// who look for what else decides about packets. Legacy iptables' chains are not among them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nft/base/status.h"

namespace podgate::nft {

class NetlinkClient;

struct ListedChain {
  std::uint8_t family = 0;  // NFPROTO_*
  std::string table;
  std::string name;
  std::optional<std::uint32_t> hook;  // NF_INET_*; nullopt: no base chain
  bool drops = false;                 // a base chain with policy drop
  friend auto operator<=>(const ListedChain&, const ListedChain&) = default;
};

// "ip", "ip6", "inet", "bridge", "arp", "netdev", as nft says it; else the number.
std::string FamilyName(std::uint8_t family);

// Keeps one socket, for the reason that CounterReader has. One thread at a time.
class ChainLister {
 public:
  // In the network namespace of the calling thread.
  static Result<std::unique_ptr<ChainLister>> Open();
  explicit ChainLister(std::unique_ptr<NetlinkClient> client);
  ~ChainLister();

  // In the kernel's order. kInterrupted: they change too often.
  Result<std::vector<ListedChain>> List();

 private:
  std::unique_ptr<NetlinkClient> client_;
};

}  // namespace podgate::nft
