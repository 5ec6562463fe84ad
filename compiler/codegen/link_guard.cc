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
constexpr std::uint8_t kIpv4Protocol = 9;
constexpr std::uint8_t kIpv4Source = 12;
constexpr std::uint8_t kIpv6Source = 8;
constexpr std::uint8_t kArpKind = 0;
constexpr std::uint8_t kArpSender = 8;  // MAC and IPv4 address
constexpr std::uint8_t kIcmpType = 0;
constexpr std::uint8_t kNeighbourTarget = 8;
// Behind the eight bytes of an ICMP error (RFC 792, 4443) stands the packet that it is about: where
// that was to go.
constexpr std::uint8_t kQuotedTarget = 8 + 16;
constexpr std::uint8_t kQuotedTarget6 = 8 + 24;

constexpr char kIcmpNumber = nft::kIcmp;

constexpr char kUnreachable = 3;
constexpr char kSourceQuench = 4;
constexpr char kRedirect4 = 5;
constexpr char kTimeExceeded = 11;  // then parameter problem
constexpr char kParameterProblem = 12;
constexpr char kUnreachable6 = 1;  // then packet too big, time exceeded, parameter problem
constexpr char kParameterProblem6 = 4;
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
nft::MatchBytes IcmpTypes(char first, char last) {
  nft::MatchBytes types = IcmpType(first);
  types.last = {last};
  return types;
}

class ChainsOfLink {
 public:
  ChainsOfLink(const LinkOwner& owner, nft::Ruleset* out)
      : mac_(BytesOf(owner.mac)),
        pod_(owner.pod.ToString()),
        guard_(NewChain("link-" + std::to_string(owner.index), out)),
        own_(NewChain(guard_.name + "-own", out)),
        icmp_(NewChain(guard_.name + "-icmp", out)),
        icmpv6_(NewChain(guard_.name + "-icmpv6", out)) {
    guard_.base =
        nft::BaseHook{.hook = nft::Hook::kIngress, .priority = kPriority, .device = owner.device};
    for (const Address& address : owner.addresses)
      (address.family() == Family::kIPv4 ? ipv4_ : ipv6_).push_back(BytesOf(address));
  }

  void Fill() {
    const nft::MatchBytes is_icmp = Is(Header::kNetwork, kIpv4Protocol, {kIcmpNumber});
    nft::MatchBytes no_icmp = is_icmp;
    no_icmp.negated = true;
    for (const std::string& address : ipv4_)
      Accept(&guard_, {From(kIpv4Frame), SourceIs4(address), no_icmp}, kOwn);
    if (!ipv4_.empty()) Goto(&guard_, {From(kIpv4Frame), is_icmp}, icmp_);
    if (!ipv6_.empty())
      Goto(&guard_, {From(kIpv6Frame), nft::MatchProtocol{nft::kIcmpv6}}, icmpv6_);
    for (const std::string& address : ipv6_)
      Accept(&guard_, {From(kIpv6Frame), SourceIs6(address)}, kOwn);
    const std::string none(4, '\0');  // who asks whether an address is in use
    for (const std::string& address : ipv4_) AcceptArp(address);
    if (!ipv4_.empty()) AcceptArp(none);
    Drop(&guard_, {});
    FillOwn();
    FillIcmp();
    FillIcmpv6();
  }

 private:
  static constexpr std::string_view kOwn = " from its own address";

  static nft::Chain& NewChain(std::string name, nft::Ruleset* out) {
    nft::Chain& chain = out->chains[name];
    chain.name = std::move(name);
    return chain;
  }
  // The frame's source and type, which stand side by side.
  nft::MatchBytes From(const std::string& frame) const {
    return Is(Header::kLink, kMacSource, mac_ + frame);
  }
  static nft::MatchBytes SourceIs4(const std::string& address) {
    return Is(Header::kNetwork, kIpv4Source, address);
  }
  static nft::MatchBytes SourceIs6(const std::string& address) {
    return Is(Header::kNetwork, kIpv6Source, address);
  }
  void Accept(nft::Chain* chain, std::vector<nft::Match> matches, std::string_view what) const {
    chain->rules.push_back(
        {.matches = std::move(matches), .action = nft::Verdict{}, .comment = Comment(pod_, what)});
  }
  static void Goto(nft::Chain* chain, std::vector<nft::Match> matches, const nft::Chain& next) {
    chain->rules.push_back({.matches = std::move(matches),
                            .action = nft::Verdict{nft::Verdict::Kind::kGoto, next.name}});
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
  // Of the messages that come here nothing else is left to ask.
  void FillOwn() {
    for (const std::string& address : ipv4_)
      Accept(&own_, {From(kIpv4Frame), SourceIs4(address)}, kOwn);
    for (const std::string& address : ipv6_)
      Accept(&own_, {From(kIpv6Frame), SourceIs6(address)}, kOwn);
    Drop(&own_, {});
  }
  // Messages of these types only if they name one of these addresses at that place.
  void OnlyAbout(const std::vector<std::string>& own, std::uint8_t place,
                 const nft::MatchBytes& types, nft::Chain* chain) const {
    for (const std::string& address : own)
      Goto(chain, {types, Is(Header::kTransport, place, address)}, own_);
    Drop(chain, {types});
  }
  // An error passes as related to the connection that it quotes, whoever sends it: pods send those
  // about packets that were sent to them.
  void FillIcmp() {
    Drop(&icmp_, {IcmpType(kRedirect4)});
    OnlyAbout(ipv4_, kQuotedTarget, IcmpTypes(kUnreachable, kSourceQuench), &icmp_);
    OnlyAbout(ipv4_, kQuotedTarget, IcmpTypes(kTimeExceeded, kParameterProblem), &icmp_);
    Goto(&icmp_, {}, own_);
  }
  void FillIcmpv6() {
    for (const char type : {kRouterAdvertisement, kRedirect}) Drop(&icmpv6_, {IcmpType(type)});
    OnlyAbout(ipv6_, kQuotedTarget6, IcmpTypes(kUnreachable6, kParameterProblem6), &icmpv6_);
    OnlyAbout(ipv6_, kNeighbourTarget, IcmpType(kNeighbourAdvertisement), &icmpv6_);
    // Who asks whether an address is in use, looks for a router, joins groups.
    const nft::MatchBytes unspecified = SourceIs6(std::string(16, '\0'));
    for (const nft::MatchBytes& types :
         {IcmpTypes(kListenerReport, kRouterSolicitation), IcmpType(kNeighbourSolicitation),
          IcmpType(kListenerReport2)})
      Accept(&icmpv6_, {unspecified, types}, " before it has an address");
    Goto(&icmpv6_, {}, own_);
  }

  const std::string mac_;
  const std::string pod_;
  nft::Chain& guard_;
  nft::Chain& own_;
  nft::Chain& icmp_;
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
  for (const LinkOwner& owner : owners) ChainsOfLink(owner, &out).Fill();
  return out;
}

}  // namespace podgate::compiler
