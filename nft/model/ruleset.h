// A ruleset of one nftables table as plain values: what the compiler makes, the printer prints, and
// the kernel is given and asked for. Only the forms that Podgate uses exist here,
// so each can be printed, encoded, decoded and interpreted without a remainder.
//
// Values only: no I/O, no threads. Two equal rulesets are the same ruleset; maps and element
// vectors are sorted, so that the same state always prints the same bytes.
#pragma once

#include <array>
#include <boost/static_string/static_string.hpp>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ipset/address.h"
#include "nft/model/boxed.h"

namespace podgate::nft {

using ipset::Family;

// Longest name the kernel takes (NFT_NAME_MAXLEN less the terminating zero), in bytes.
inline constexpr std::size_t kMaxNameBytes = 255;
// Longest comment nft itself accepts, in bytes.
inline constexpr std::size_t kMaxCommentBytes = 128;

enum class Side : std::uint8_t { kSource, kDestination };

// Layer-4 protocol numbers that ports belong to (IANA).
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kSctp = 132;
inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kIcmpv6 = 58;

// ---- sets and maps

// Types of the fields of a set's key, with nft's own names.
enum class Field : std::uint8_t {
  kIpv4Addr,     // ipv4_addr: 4 bytes
  kIpv6Addr,     // ipv6_addr: 16 bytes
  kInetProto,    // inet_proto: 1 byte
  kInetService,  // inet_service: 2 bytes, network order
};

// The key of an element as the kernel holds it: the fields one after the other in network order. In
// a concatenation each field is padded with zeros to a multiple of 4 bytes; a lone field has no
// padding (inet_proto 1 byte, inet_service 2, ipv4_addr 4, ipv6_addr 16), in hash and in interval
// sets alike. 24 bytes hold the longest, ipv6_addr . inet_proto . inet_service.
using Key = boost::static_strings::static_string<24>;

inline std::string_view Bytes(const Key& key) { return {key.data(), key.size()}; }
Key AddressKey(const ipset::Address& address);
Key ServiceKey(std::uint16_t port);                                 // lone inet_service
Key ProtocolServiceKey(std::uint8_t protocol, std::uint16_t port);  // inet_proto . inet_service
Key AddressProtocolServiceKey(const ipset::Address& address, std::uint8_t protocol,
                              std::uint16_t port);

struct Verdict {
  enum class Kind : std::uint8_t { kAccept, kDrop, kReturn, kJump, kGoto };
  Kind kind = Kind::kAccept;
  std::string chain{};  // kJump and kGoto only
  friend auto operator<=>(const Verdict&, const Verdict&) = default;
};

struct Element {
  Key key{};
  Key last{};                // interval sets: the interval's last key (inclusive); otherwise empty
  Boxed<Verdict> verdict{};  // verdict maps only
  friend std::strong_ordering operator<=>(const Element&, const Element&) = default;
  friend bool operator==(const Element&, const Element&) = default;
};

struct Set {
  std::string name{};
  std::vector<Field> key{};
  bool interval = false;     // flags interval: one field only, immutable once a rule uses it
  bool verdict_map = false;  // a `map { type … : verdict }`
  std::uint32_t size = 0;    // 0: none given. With a size the kernel takes its fixed, faster hash
  std::string comment{};
  // Sorted by key, keys unique; intervals disjoint and not adjacent.
  std::vector<Element> elements{};
  // A set whose misses must fail closed only when everything else is in place: elements are removed
  // in the prepare step and added in the sweep step. Not part of the kernel's state: ignored by
  // comparisons of it.
  bool guard = false;
  std::string foreign{};  // see Ruleset::foreign
  friend auto operator<=>(const Set&, const Set&) = default;
};

// ---- rules

struct MatchCtState {  // ct state established,related
  bool established = true;
  bool related = true;
  friend auto operator<=>(const MatchCtState&, const MatchCtState&) = default;
};
struct MatchFamily {  // meta nfproto ipv4|ipv6
  Family family = Family::kIPv4;
  friend auto operator<=>(const MatchFamily&, const MatchFamily&) = default;
};
struct MatchProtocol {  // meta l4proto P
  std::uint8_t protocol = kTcp;
  friend auto operator<=>(const MatchProtocol&, const MatchProtocol&) = default;
};
// tcp|udp|sctp dport F or F-L (inclusive, host order); implies the protocol match.
struct MatchPort {
  std::uint8_t protocol = kTcp;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend auto operator<=>(const MatchPort&, const MatchPort&) = default;
};
struct MatchPrefix {  // ip|ip6 saddr|daddr PREFIX; never a /0 (that is MatchFamily)
  Side side = Side::kSource;
  ipset::Prefix prefix;
  friend auto operator<=>(const MatchPrefix&, const MatchPrefix&) = default;
};
struct MatchAddressSet {  // ip|ip6 saddr|daddr @set
  Side side = Side::kSource;
  Family family = Family::kIPv4;
  std::string set;
  friend auto operator<=>(const MatchAddressSet&, const MatchAddressSet&) = default;
};
struct MatchServiceSet {  // ip|ip6 daddr . meta l4proto . th dport @set
  Family family = Family::kIPv4;
  std::string set;
  friend auto operator<=>(const MatchServiceSet&, const MatchServiceSet&) = default;
};
// icmpv6 type 133-137 with ip6 hoplimit 255 (on-link only, RFC 4861).
struct MatchNeighbourDiscovery {
  friend auto operator<=>(const MatchNeighbourDiscovery&, const MatchNeighbourDiscovery&) = default;
};
// meta skuid != 4294967295, which no socket has: the packet was sent by a socket of a process in
// this network namespace. What is forwarded has none, nor have packets that the kernel makes.
struct MatchLocalSocket {
  friend auto operator<=>(const MatchLocalSocket&, const MatchLocalSocket&) = default;
};
// @ll|@nh|@th,OFFSET,LENGTH: bytes of a header as they stand in the packet, whatever the header is.
// In tables of family netdev, where a frame may be anything; compared before and without any match
// of a family or a protocol.
struct MatchBytes {
  enum class Header : std::uint8_t { kLink, kNetwork, kTransport };
  Header header = Header::kLink;
  std::uint8_t offset = 0;  // in bytes
  std::string first{};      // 1 to 16 bytes; of a range, the first value
  std::string last{};       // empty: that value alone; else the range's last (inclusive)
  bool negated = false;     // any other value; not of a range
  friend auto operator<=>(const MatchBytes&, const MatchBytes&) = default;
};
using Match =
    std::variant<MatchCtState, MatchFamily, MatchProtocol, MatchPort, MatchPrefix, MatchAddressSet,
                 MatchServiceSet, MatchNeighbourDiscovery, MatchLocalSocket, MatchBytes>;

struct CountBy {  // counter name "…": a named counter object of the table
  std::string counter;
  friend auto operator<=>(const CountBy&, const CountBy&) = default;
};
struct LimitRate {  // limit rate N/second burst B packets
  std::uint32_t packets_per_second = 0;
  std::uint32_t burst_packets = 0;
  friend auto operator<=>(const LimitRate&, const LimitRate&) = default;
};
struct LogGroup {  // log prefix "…" group N snaplen S
  std::uint16_t group = 0;
  std::string prefix;
  std::uint32_t snaplen_bytes = 0;
  friend auto operator<=>(const LogGroup&, const LogGroup&) = default;
};
using Statement = std::variant<CountBy, LimitRate, LogGroup>;

struct Reject {  // with tcp reset if the rule matches TCP alone, else with icmpx admin-prohibited
  friend auto operator<=>(const Reject&, const Reject&) = default;
};
struct VmapAddress {  // ip|ip6 saddr|daddr vmap @map
  Side side = Side::kSource;
  Family family = Family::kIPv4;
  std::string map;
  friend auto operator<=>(const VmapAddress&, const VmapAddress&) = default;
};
struct VmapService {  // meta l4proto . th dport vmap @map
  std::string map;
  friend auto operator<=>(const VmapService&, const VmapService&) = default;
};
struct VmapPort {  // tcp|udp|sctp dport vmap @map; the map is an interval map of inet_service
  std::uint8_t protocol = kTcp;
  std::string map;
  friend auto operator<=>(const VmapPort&, const VmapPort&) = default;
};
using Action = std::variant<Verdict, Reject, VmapAddress, VmapService, VmapPort>;

// Matches are evaluated in order, then statements in order, then the action.
struct Rule {
  std::vector<Match> matches{};
  std::vector<Statement> statements{};
  std::optional<Action> action{};
  std::string comment{};
  std::string foreign{};  // see Ruleset::foreign
  friend auto operator<=>(const Rule&, const Rule&) = default;
};

// kIngress is that of one device, in tables of family netdev; kHooks are those of family inet.
enum class Hook : std::uint8_t { kForward, kInput, kOutput, kIngress };
inline constexpr std::array<Hook, 3> kHooks{Hook::kForward, Hook::kInput, Hook::kOutput};
std::string_view HookName(Hook hook);  // nft's

struct BaseHook {
  Hook hook = Hook::kForward;
  int priority = 0;      // absolute; the chain's type is filter, its policy accept
  std::string device{};  // kIngress: its name; else empty
  friend auto operator<=>(const BaseHook&, const BaseHook&) = default;
};

struct Chain {
  std::string name{};
  std::optional<BaseHook> base{};
  std::vector<Rule> rules{};
  std::string foreign{};  // see Ruleset::foreign
  friend auto operator<=>(const Chain&, const Chain&) = default;
};

enum class TableFamily : std::uint8_t { kInet, kNetdev };
std::string_view FamilyName(TableFamily family);  // nft's

struct Ruleset {
  std::string table = "podgate";
  std::string comment;
  std::map<std::string, Set> sets;      // by name; maps too
  std::map<std::string, Chain> chains;  // by name
  std::set<std::string> counters;       // named counter objects
  // Empty in everything that Podgate makes. Only the reader sets it, on a table, set, chain or rule
  // whose form these types cannot hold (somebody else wrote it): what was found there, for
  // messages. Such an object compares unequal to every one of ours, so a difference replaces it; it
  // is never sent to the kernel.
  std::string foreign{};
  TableFamily family = TableFamily::kInet;
  friend auto operator<=>(const Ruleset&, const Ruleset&) = default;
};

// Names of the sets and maps, the chains and the counters that a rule refers to.
void CollectReferences(const Rule& rule, std::set<std::string>* sets, std::set<std::string>* chains,
                       std::set<std::string>* counters);

}  // namespace podgate::nft
