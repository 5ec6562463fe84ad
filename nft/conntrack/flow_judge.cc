#include "nft/conntrack/flow_judge.h"

#include <algorithm>

namespace podgate::nft {
namespace {

bool Contains(const Addresses& addresses, const ipset::Address& address) {
  return std::binary_search(addresses.begin(), addresses.end(), address);
}

bool IsGroup(const ipset::Address& address) {
  const std::uint8_t first = address.bytes().front();
  if (address.family() == Family::kIPv6) return first == 0xff;
  return (first >= 224 && first <= 239) || address == ipset::Address::Last(Family::kIPv4);
}

}  // namespace

Addresses JudgedAddresses(const Ruleset& ruleset) {
  Addresses addresses;
  for (const auto& [name, set] : ruleset.sets) {
    if (!set.verdict_map || set.key.size() != 1) continue;
    if (set.key[0] != Field::kIpv4Addr && set.key[0] != Field::kIpv6Addr) continue;
    const Family family = set.key[0] == Field::kIpv4Addr ? Family::kIPv4 : Family::kIPv6;
    for (const Element& element : set.elements) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(element.key.data());
      if (const auto address = ipset::Address::FromBytes(family, {bytes, element.key.size()}))
        addresses.push_back(*address);
    }
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

bool FlowFilter::Interesting(const Flow& flow) const {
  if (IsTombstone(flow)) return true;
  const Packet first = FirstPacket(flow);
  return (Contains(judged, first.source) || Contains(judged, first.destination)) &&
         !Contains(node, first.source) && !IsGroup(first.destination);
}

Hook FlowFilter::HookOf(const Flow& flow) const {
  const Packet first = FirstPacket(IsTombstone(flow) ? FlowOfTombstone(flow) : flow);
  return Contains(node, first.destination) ? Hook::kInput : Hook::kForward;
}

FlowDecision FlowJudge::Judge(const FlowQuestion& question) const {
  if (IsTombstone(question.flow)) {
    return verdicts_.Accepts(question.hook, FirstPacket(FlowOfTombstone(question.flow)))
               ? FlowDecision::kRemoveTombstone
               : FlowDecision::kLives;
  }
  const Packet packet = question.master ? *question.master : FirstPacket(question.flow);
  return verdicts_.Accepts(question.hook, packet) ? FlowDecision::kLives : FlowDecision::kCut;
}

}  // namespace podgate::nft
