// Conntrack's netlink messages from and to flows, with libnetfilter_conntrack. Internal to nft/. No
// I/O; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nft/conntrack/flow.h"
#include "nft/conntrack/flow_scope.h"

struct nlmsghdr;

namespace podgate::nft {

// nullopt: an entry whose addresses are of another family.
std::optional<Flow> DecodeFlow(const nlmsghdr* message);

// CTA_STATS_GLOBAL_ENTRIES and CTA_STATS_GLOBAL_MAX_ENTRIES of the answer to GetStats(), the latter
// 0 where it is not told (before Linux 4.18); nullopt: it is no such answer.
std::optional<ConntrackUsage> DecodeUsage(const nlmsghdr* message);

// Messages one after the other, for one send. Each has a sequence number of its own.
class ConntrackRequests {
 public:
  explicit ConntrackRequests(std::uint32_t first_sequence) : sequence_(first_sequence) {}

  // All entries of both families.
  void Dump();
  // Those with this IPv4 address at this end: the kernel picks them out (CTA_FILTER, Linux 5.8; an
  // older one answers with all of the family). With an IPv6 address, all of its family.
  void Dump(const FlowEnd& end);
  // The entry with this tuple, whichever of its directions that is.
  void Get(std::uint8_t protocol, const FlowTuple& tuple, std::uint16_t zone);
  // How many entries there are and may be.
  void GetStats();
  // Refused with ENOENT if there is no such tuple, or it belongs to an entry with another id.
  void Delete(const Flow& flow);
  // Refused with EEXIST if one of its tuples is taken.
  void Create(const Flow& flow);

  const char* data() const { return bytes_.data(); }
  const nlmsghdr* first() const { return reinterpret_cast<const nlmsghdr*>(bytes_.data()); }
  std::size_t size() const { return size_; }
  std::uint32_t next_sequence() const { return sequence_; }

 private:
  nlmsghdr* Begin(std::uint8_t type, std::uint16_t flags, std::uint8_t family);
  void Finish(const nlmsghdr* message);

  std::vector<char> bytes_;
  std::size_t size_ = 0;
  std::uint32_t sequence_;
};

}  // namespace podgate::nft
