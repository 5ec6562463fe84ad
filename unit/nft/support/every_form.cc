#include "unit/nft/support/every_form.h"

namespace podgate::nft {
namespace {

ipset::Address Ip(const char* text) { return *ipset::Address::Parse(text); }
ipset::Prefix Net(const char* text) { return *ipset::Prefix::Parse(text); }

Element One(Key key) { return {std::move(key), "", std::nullopt}; }
Element Range(Key first, Key last) { return {std::move(first), std::move(last), std::nullopt}; }
Element With(Element element, Verdict::Kind kind, const std::string& chain = "") {
  element.verdict = Verdict{kind, chain};
  return element;
}

void Add(Ruleset* ruleset, Set set) { ruleset->sets[set.name] = set; }

void AddSets(Ruleset* ruleset) {
  using enum Field;
  using Kind = Verdict::Kind;
  Add(ruleset, {.name = "peers4-web",
                .key = {kIpv4Addr},
                .size = 64,
                .comment = "pods app=web in namespace default",
                .elements = {One(AddressKey(Ip("10.1.0.1"))), One(AddressKey(Ip("10.1.0.2"))),
                             One(AddressKey(Ip("10.1.0.3")))}});
  Add(ruleset, {.name = "peers6-web",
                .key = {kIpv6Addr},
                .size = 64,
                .comment = "",
                .elements = {One(AddressKey(Ip("fd00::1"))), One(AddressKey(Ip("fd00::2")))}});
  Add(ruleset, {.name = "empty", .key = {kIpv4Addr}, .comment = "", .elements = {}});
  Add(ruleset, {.name = "protocols",
                .key = {kInetProto},
                .comment = "",
                .elements = {One(Key(1, '\x06')), One(Key(1, '\x84')), One(Key(1, '\xfa'))}});
  Add(ruleset, {.name = "nport4-dns",
                .key = {kIpv4Addr, kInetProto, kInetService},
                .comment = "",
                .elements = {One(AddressProtocolServiceKey(Ip("10.1.0.1"), kTcp, 53)),
                             One(AddressProtocolServiceKey(Ip("10.1.0.1"), kUdp, 53))}});
  Add(ruleset, {.name = "nport6-dns",
                .key = {kIpv6Addr, kInetProto, kInetService},
                .comment = "",
                .elements = {One(AddressProtocolServiceKey(Ip("fd00::1"), kSctp, 53))}});
  Add(ruleset,
      {.name = "blocks4-a1",
       .key = {kIpv4Addr},
       .interval = true,
       .comment = "",
       .elements = {Range(AddressKey(Ip("0.0.0.0")), AddressKey(Ip("0.255.255.255"))),
                    Range(AddressKey(Ip("10.0.0.5")), AddressKey(Ip("10.0.0.5"))),
                    Range(AddressKey(Ip("10.0.0.7")), AddressKey(Ip("10.0.0.9"))),
                    Range(AddressKey(Ip("240.0.0.0")), AddressKey(Ip("255.255.255.255")))}});
  Add(ruleset, {.name = "blocks6-all",
                .key = {kIpv6Addr},
                .interval = true,
                .comment = "",
                .elements = {Range(Key(16, '\0'), Key(16, '\xff'))}});
  Add(ruleset, {.name = "ingress4",
                .key = {kIpv4Addr},
                .verdict_map = true,
                .size = 512,
                .comment = "",
                .elements = {With(One(AddressKey(Ip("10.244.1.5"))), Kind::kGoto, "in-10.244.1.5"),
                             With(One(AddressKey(Ip("10.244.1.6"))), Kind::kJump, "in6-fd00--1"),
                             With(One(AddressKey(Ip("10.244.1.7"))), Kind::kAccept)}});
  Add(ruleset, {.name = "ingress6",
                .key = {kIpv6Addr},
                .verdict_map = true,
                .comment = "",
                .elements = {With(One(AddressKey(Ip("fd00::1"))), Kind::kGoto, "in6-fd00--1"),
                             With(One(AddressKey(Ip("fd00::2"))), Kind::kDrop)}});
  Add(ruleset, {.name = "services",
                .key = {kInetProto, kInetService},
                .verdict_map = true,
                .comment = "",
                .elements = {With(One(ProtocolServiceKey(kTcp, 80)), Kind::kGoto, "ingress-deny"),
                             With(One(ProtocolServiceKey(kUdp, 53)), Kind::kReturn)}});
  Add(ruleset,
      {.name = "ports",
       .key = {kInetService},
       .interval = true,
       .verdict_map = true,
       .comment = "",
       .elements = {With(Range(ServiceKey(80), ServiceKey(80)), Kind::kGoto, "ingress-deny"),
                    With(Range(ServiceKey(81), ServiceKey(89)), Kind::kAccept),
                    With(Range(ServiceKey(1024), ServiceKey(2047)), Kind::kDrop),
                    With(Range(ServiceKey(65000), ServiceKey(65535)), Kind::kAccept)}});
}

}  // namespace

Ruleset EveryForm() {
  using Kind = Verdict::Kind;
  constexpr Family k4 = Family::kIPv4;
  constexpr Family k6 = Family::kIPv6;
  constexpr Side kFrom = Side::kSource;
  constexpr Side kTo = Side::kDestination;
  const Verdict accept;
  const Verdict drop{Kind::kDrop, ""};
  const Verdict leave{Kind::kReturn, ""};

  Ruleset ruleset;
  ruleset.comment = "every form";
  ruleset.counters = {"denied", "in-default/allow-web.0"};
  AddSets(&ruleset);
  ruleset.chains["forward"] = {
      "forward",
      BaseHook{Hook::kForward, -5},
      {
          {{MatchCtState{true, true}}, {}, accept, ""},
          {{MatchNeighbourDiscovery{}}, {}, accept, ""},
          {{}, {}, VmapAddress{kTo, k4, "ingress4"}, ""},
          {{}, {}, VmapAddress{kFrom, k6, "ingress6"}, ""},
          {{MatchAddressSet{kTo, k4, "peers4-web"}}, {}, Verdict{Kind::kGoto, "ingress-deny"}, ""},
          {{MatchFamily{k4}}, {}, Verdict{Kind::kJump, "in6-fd00--1"}, ""},
          {{MatchFamily{k6}}, {}, accept, ""},
      }};
  ruleset.chains["host"] = {"host", BaseHook{Hook::kInput, 200}, {}};
  ruleset.chains["ipvs"] = {
      "ipvs",
      BaseHook{Hook::kOutput, -5},
      {{{MatchLocalSocket{}}, {}, accept, "sent by this node"},
       {{MatchFamily{k6}, MatchLocalSocket{}, MatchPort{kTcp, 80, 90}}, {}, drop, ""}}};
  ruleset.chains["in-10.244.1.5"] = {
      "in-10.244.1.5",
      std::nullopt,
      {
          {{MatchPrefix{kFrom, Net("10.244.1.5/32")}}, {}, accept, "itself"},
          {{}, {}, Verdict{Kind::kGoto, "in-class-default/allow-web"}, "pod default/web-0"},
      }};
  ruleset.chains["in6-fd00--1"] = {"in6-fd00--1",
                                   std::nullopt,
                                   {
                                       {{MatchCtState{true, false}}, {}, accept, ""},
                                       {{MatchCtState{false, true}}, {}, accept, ""},
                                       {{}, {}, VmapService{"services"}, ""},
                                       {{}, {}, VmapPort{kTcp, "ports"}, ""},
                                       {{MatchProtocol{kUdp}}, {}, VmapPort{kUdp, "ports"}, ""},
                                   }};
  ruleset.chains["in-class-default/allow-web"] = {
      "in-class-default/allow-web",
      std::nullopt,
      {
          {{MatchPort{kTcp, 80, 80}, MatchAddressSet{kFrom, k4, "peers4-web"}},
           {CountBy{"in-default/allow-web.0"}},
           accept,
           "policy default/allow-web"},
          {{MatchPort{kTcp, 80, 80}, MatchAddressSet{kFrom, k6, "peers6-web"}}, {}, accept, ""},
          {{MatchPort{kUdp, 0, 90}, MatchPrefix{kFrom, Net("10.0.0.0/8")}}, {}, accept, ""},
          {{MatchPort{kSctp, 80, 65535}, MatchPrefix{kTo, Net("172.16.0.0/12")}}, {}, leave, ""},
          {{MatchProtocol{kTcp}, MatchPrefix{kFrom, Net("fd00::/64")}}, {}, accept, ""},
          {{MatchPrefix{kTo, Net("fd00:8000::/17")}}, {}, accept, ""},
          {{MatchPrefix{kFrom, Net("128.0.0.0/1")}}, {}, accept, ""},
          {{MatchPrefix{kTo, Net("fd00::1/128")}}, {}, accept, ""},
          {{MatchServiceSet{k4, "nport4-dns"}}, {}, leave, ""},
          {{MatchServiceSet{k6, "nport6-dns"}}, {}, leave, ""},
          {{MatchAddressSet{kTo, k4, "blocks4-a1"}}, {}, accept, ""},
          {{MatchAddressSet{kTo, k6, "blocks6-all"}}, {}, drop, ""},
          {{MatchProtocol{kIcmp}}, {}, accept, ""},
          {{MatchProtocol{250}}, {}, accept, ""},
          {{}, {}, Verdict{Kind::kGoto, "ingress-deny"}, ""},
      }};
  ruleset.chains["ingress-deny"] = {
      "ingress-deny",
      std::nullopt,
      {
          {{}, {LimitRate{10, 5}, LogGroup{100, "podgate in ", 128}}, std::nullopt, ""},
          {{}, {LimitRate{1, 20}, LogGroup{7, "", 0}}, std::nullopt, ""},
          {{MatchProtocol{kTcp}}, {CountBy{"denied"}}, Reject{}, ""},
          {{MatchPort{kTcp, 80, 90}}, {}, Reject{}, ""},
          {{MatchProtocol{kUdp}}, {}, Reject{}, ""},
          {{}, {CountBy{"denied"}}, Reject{}, ""},
          {{}, {}, drop, "never reached"},
      }};
  return ruleset;
}

}  // namespace podgate::nft
