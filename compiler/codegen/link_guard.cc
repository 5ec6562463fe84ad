#include "compiler/codegen/link_guard.h"

#include <cstdint>
#include <string>
#include <utility>

#include "compiler/codegen/names.h"
#include "compiler/codegen/table_comment.h"

namespace podgate::compiler {
namespace {

using Header = nft::MatchBytes::Header;

// Before everything else that may stand at a device's ingress.
constexpr int kPriority = -500;

// Offsets in bytes: of an Ethernet header (IEEE 802.3), of IPv4, IPv6 and ARP headers behind it,
// and of ICMPv6 messages.
constexpr std::uint8_t kMacSource = 6;
constexpr std::uint8_t kFrameType = 12;
constexpr std::uint8_t kIpv4Source = 12;
constexpr std::uint8_t kIpv6Source = 8;
constexpr std::uint8_t kArpKind = 0;
constexpr std::uint8_t kArpSender = 8;  // MAC and IPv4 address
constexpr std::uint8_t kIcmpType = 0;
constexpr std::uint8_t kNeighbourTarget = 8;

constexpr char kRouterAdvertisement = '\x86';  // 134
constexpr char kNeighbourSolicitation = '\x87';
constexpr char kNeighbourAdvertisement = '\x88';
constexpr char kRedirect = '\x89';
constexpr char kListenerReport = '\x83';  // 131; then done and router solicitation
constexpr char kRouterSolicitation = '\x85';
constexpr char kListenerReport2 = '\x8f';  // 143

const std::string kIpv4Frame("\x08\x00", 2);
const std::string kIpv6Frame("\x86\xdd", 2);
const std::string kArpFrame("\x08\x06", 2);
// Ethernet, IPv4, the lengths of their addresses.
const std::string kArpOfIpv4("\x00\x01\x08\x00\x06\x04", 6);

std::string BytesOf(const MacAddress& mac) { return {mac.begin(), mac.end()}; }
std::string BytesOf(const Address& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

nft::MatchBytes Is(Header header, std::uint8_t offset, std::string bytes) {
  return {.header = header, .offset = offset, .first = std::move(bytes)};
}
nft::MatchBytes IcmpType(char type) { return Is(Header::kTransport, kIcmpType, {type}); }

class ChainOfLink {
 public:
  ChainOfLink(const LinkOwner& owner, nft::Ruleset* out)
      : mac_(BytesOf(owner.mac)),
        pod_(owner.pod.ToString()),
        guard_(NewChain("link-" + std::to_string(owner.index), out)),
        icmpv6_(NewChain(guard_.name + "-icmpv6", out)) {
    guard_.base =
        nft::BaseHook{.hook = nft::Hook::kIngress, .priority = kPriority, .device = owner.device};
    for (const Address& address : owner.addresses)
      (address.family() == Family::kIPv4 ? ipv4_ : ipv6_).push_back(BytesOf(address));
  }

  void Fill() {
    for (const std::string& address : ipv4_)
      Accept(&guard_, {From(kIpv4Frame), Is(Header::kNetwork, kIpv4Source, address)},
             " from its own address");
    guard_.rules.push_back(
        {.matches = {Is(Header::kLink, kFrameType, kIpv6Frame), nft::MatchProtocol{nft::kIcmpv6}},
         .action = nft::Verdict{nft::Verdict::Kind::kGoto, icmpv6_.name}});
    for (const std::string& address : ipv6_)
      Accept(&guard_, {From(kIpv6Frame), Is(Header::kNetwork, kIpv6Source, address)},
             " from its own address");
    const std::string none(4, '\0');  // who asks whether an address is in use
    for (const std::string& address : ipv4_) AcceptArp(address);
    if (!ipv4_.empty()) AcceptArp(none);
    Drop(&guard_, {});
    FillIcmpv6();
  }

 private:
  static nft::Chain& NewChain(std::string name, nft::Ruleset* out) {
    nft::Chain& chain = out->chains[name];
    chain.name = std::move(name);
    return chain;
  }
  // The frame's source and type, which stand side by side.
  nft::MatchBytes From(const std::string& frame) const {
    return Is(Header::kLink, kMacSource, mac_ + frame);
  }
  void Accept(nft::Chain* chain, std::vector<nft::Match> matches, std::string_view what) const {
    chain->rules.push_back(
        {.matches = std::move(matches), .action = nft::Verdict{}, .comment = Comment(pod_, what)});
  }
  static void Drop(nft::Chain* chain, std::vector<nft::Match> matches) {
    chain->rules.push_back({.matches = std::move(matches),
                            .statements = {nft::CountBy{std::string(kForgedCounter)}},
                            .action = nft::Verdict{nft::Verdict::Kind::kDrop, {}}});
  }
  void AcceptArp(const std::string& sender) {
    Accept(&guard_,
           {From(kArpFrame), Is(Header::kNetwork, kArpKind, kArpOfIpv4),
            Is(Header::kNetwork, kArpSender, mac_ + sender)},
           " by its own ARP");
  }
  void FillIcmpv6() {
    nft::MatchBytes other_mac = Is(Header::kLink, kMacSource, mac_);
    other_mac.negated = true;
    Drop(&icmpv6_, {std::move(other_mac)});
    for (const char type : {kRouterAdvertisement, kRedirect}) Drop(&icmpv6_, {IcmpType(type)});
    // An advertisement says who has its target; its source says nothing.
    for (const std::string& address : ipv6_)
      Accept(&icmpv6_,
             {IcmpType(kNeighbourAdvertisement), Is(Header::kTransport, kNeighbourTarget, address)},
             " about its own address");
    Drop(&icmpv6_, {IcmpType(kNeighbourAdvertisement)});
    // Without an address: who asks whether one is in use, looks for a router, joins groups.
    const nft::MatchBytes unspecified = Is(Header::kNetwork, kIpv6Source, std::string(16, '\0'));
    nft::MatchBytes joins = IcmpType(kListenerReport);
    joins.last = {kRouterSolicitation};
    for (const nft::MatchBytes& type :
         {joins, IcmpType(kNeighbourSolicitation), IcmpType(kListenerReport2)})
      Accept(&icmpv6_, {unspecified, type}, " before it has an address");
    for (const std::string& address : ipv6_)
      Accept(&icmpv6_, {Is(Header::kNetwork, kIpv6Source, address)}, " from its own address");
    Drop(&icmpv6_, {});
  }

  const std::string mac_;
  const std::string pod_;
  nft::Chain& guard_;
  nft::Chain& icmpv6_;
  std::vector<std::string> ipv4_;
  std::vector<std::string> ipv6_;
};

}  // namespace

nft::Ruleset LinkGuard(std::string_view node, const std::vector<LinkOwner>& owners) {
  nft::Ruleset out;
  out.family = nft::TableFamily::kNetdev;
  out.comment = TableComment(node);
  out.counters.insert(std::string(kForgedCounter));
  for (const LinkOwner& owner : owners) ChainOfLink(owner, &out).Fill();
  return out;
}

}  // namespace podgate::compiler
