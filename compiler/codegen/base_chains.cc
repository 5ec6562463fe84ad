#include "compiler/codegen/base_chains.h"

#include <algorithm>

#include "compiler/codegen/class_chain.h"
#include "compiler/codegen/names.h"
#include "compiler/codegen/set_definitions.h"

namespace podgate::compiler {
namespace {

constexpr std::string_view kForwardChain = "forward";
constexpr std::string_view kHostChain = "host";
constexpr std::string_view kEgressChain = "egress";
constexpr int kPriority = -5;               // right before the ordinary filter
constexpr std::uint32_t kLocalPods = 2048;  // more than any kubelet takes
constexpr std::uint32_t kLogsPerSecond = 10;
constexpr std::uint32_t kLogBurst = 5;
constexpr std::uint32_t kLogBytes = 128;

nft::Verdict Goto(std::string_view chain) {
  return {nft::Verdict::Kind::kGoto, std::string(chain)};
}

// The side of a packet that the judged pod is on.
nft::Side SubjectSide(Direction direction) {
  return direction == Direction::kIngress ? nft::Side::kDestination : nft::Side::kSource;
}

std::string_view DenyChain(Direction direction) {
  return direction == Direction::kIngress ? kIngressDenyChain : kEgressDenyChain;
}

std::vector<nft::Rule>& AddChain(std::string_view name, nft::Ruleset* out) {
  nft::Chain& chain = out->chains[std::string(name)];
  chain.name = name;
  return chain.rules;
}

std::vector<nft::Rule>& AddBase(std::string_view name, nft::Hook hook, nft::Ruleset* out) {
  std::vector<nft::Rule>& rules = AddChain(name, out);
  out->chains.at(std::string(name)).base = nft::BaseHook{.hook = hook, .priority = kPriority};
  rules.push_back({.matches = {nft::MatchCtState{}},
                   .action = nft::Verdict{},
                   .comment = "what belongs to a flow already allowed"});
  rules.push_back({.matches = {nft::MatchNeighbourDiscovery{}},
                   .action = nft::Verdict{},
                   .comment = "IPv6 needs it"});
  rules.push_back({.action = nft::Verdict{nft::Verdict::Kind::kJump, std::string(kEgressChain)}});
  return rules;
}

void AddDeny(Direction direction, const CompileOptions& options, nft::Ruleset* out) {
  const std::string name = ToString(direction);
  const std::string counter = "denied-" + name;
  out->counters.insert(counter);
  std::vector<nft::Rule>& rules = AddChain(DenyChain(direction), out);
  rules.push_back(
      {.statements = {nft::LimitRate{kLogsPerSecond, kLogBurst},
                      nft::LogGroup{options.log_group, "podgate-" + name + " ", kLogBytes}},
       .action = std::nullopt});
  nft::Rule deny{.statements = {nft::CountBy{counter}}};
  if (options.reject) {
    deny.action = nft::Reject{};
  } else {
    deny.action = nft::Verdict{nft::Verdict::Kind::kDrop, {}};
  }
  rules.push_back(std::move(deny));
}

}  // namespace

nft::Ruleset FixedFrame(const CompileOptions& options) {
  nft::Ruleset out;
  out.comment = "NetworkPolicy of this node, kept up to date by Podgate";
  for (const Direction direction : kDirections) AddDeny(direction, options, &out);
  AddBase(kForwardChain, nft::Hook::kForward, &out).push_back({.action = Goto(kIngressChain)});
  if (options.pod_to_node_enforce) AddBase(kHostChain, nft::Hook::kInput, &out);
  return out;
}

Dispatch DispatchHeads(Direction direction, Family family, std::size_t addresses) {
  Dispatch heads;
  heads.map.key = heads.guard.key = {AddressField(family)};
  heads.map.verdict_map = true;
  heads.guard.guard = true;
  heads.map.size = heads.guard.size = addresses <= kLocalPods ? 2 * kLocalPods : SizeFor(addresses);
  const std::string suffix =
      heads.map.size == 2 * kLocalPods ? std::string() : SizeSuffix(heads.map.size);
  const std::string name = std::string(ToString(direction)) + (family == Family::kIPv4 ? '4' : '6');
  heads.map.name = name + suffix;
  heads.guard.name = name + "-isolated" + suffix;
  return heads;
}

nft::Chain DispatchChain(Direction direction, const std::array<Dispatch, 2>& dispatch) {
  const nft::Side side = SubjectSide(direction);
  nft::Chain chain{.name = ToString(direction)};
  for (std::size_t i = 0; i < kFamilies.size(); ++i)
    chain.rules.push_back({.action = nft::VmapAddress{side, kFamilies[i], dispatch[i].map.name}});
  for (std::size_t i = 0; i < kFamilies.size(); ++i)
    chain.rules.push_back(
        {.matches = {nft::MatchAddressSet{side, kFamilies[i], dispatch[i].guard.name}},
         .action = Goto(DenyChain(direction)),
         .comment = "isolated pods, should the map miss them"});
  return chain;
}

std::string AddressChainName(Direction direction, const Address& address) {
  std::string text = address.ToString();
  std::replace(text.begin(), text.end(), ':', '-');
  const bool v4 = address.family() == Family::kIPv4;
  return std::string(direction == Direction::kIngress ? "in" : "eg") + (v4 ? "-" : "6-") + text;
}

nft::Chain AddressChain(Direction direction, const ObjectKey& pod, const Address& address,
                        const std::string& class_chain) {
  const ipset::Prefix self(address, ipset::BitsOf(address.family()));
  nft::Chain chain{.name = AddressChainName(direction, address)};
  chain.rules.push_back({.matches = {nft::MatchPrefix{PeerSide(direction), self}},
                         .action = nft::Verdict{},
                         .comment = Comment(pod.ToString(), " itself")});
  chain.rules.push_back({.action = Goto(class_chain), .comment = Comment(pod.ToString())});
  return chain;
}

nft::Element DispatchElement(Direction direction, const Address& address) {
  return {.key = nft::AddressKey(address),
          .last = {},
          .verdict = Goto(AddressChainName(direction, address))};
}

nft::Element GuardElement(const Address& address) {
  return {.key = nft::AddressKey(address), .last = {}, .verdict = {}};
}

}  // namespace podgate::compiler
