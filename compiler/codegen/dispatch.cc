#include "compiler/codegen/dispatch.h"

#include <algorithm>
#include <cstdint>

#include "compiler/codegen/names.h"
#include "compiler/codegen/set_definitions.h"

namespace podgate::compiler {
namespace {

constexpr std::uint32_t kLocalPods = 2048;  // more than any kubelet takes
constexpr std::string_view kAnd = " and ";

// "a/web", "a/web and b/old", "a/web and 2 more".
std::string Names(const std::vector<ObjectKey>& pods) {
  std::string text = pods.front().ToString();
  if (pods.size() == 2) text += std::string(kAnd) + pods.back().ToString();
  if (pods.size() > 2) text += std::string(kAnd) + std::to_string(pods.size() - 1) + " more";
  return text;
}

}  // namespace

Dispatch DefineDispatch(Direction direction, Family family, std::size_t addresses) {
  Dispatch dispatch;
  dispatch.map.key = dispatch.guard.key = {AddressField(family)};
  dispatch.map.verdict_map = true;
  dispatch.guard.guard = true;
  dispatch.map.size = dispatch.guard.size =
      addresses <= kLocalPods ? 2 * kLocalPods : SizeFor(addresses);
  const std::string suffix =
      dispatch.map.size == 2 * kLocalPods ? std::string() : SizeSuffix(dispatch.map.size);
  const std::string name = std::string(ToString(direction)) + Digit(family);
  dispatch.map.name = name + suffix;
  dispatch.guard.name = name + "-isolated" + suffix;
  return dispatch;
}

nft::Chain DispatchChain(Direction direction,
                         const std::array<Dispatch, kFamilies.size()>& dispatch,
                         const std::vector<ipset::Prefix>& groups) {
  const nft::Side side = PodSide(direction);
  nft::Chain chain{.name = ToString(direction)};
  for (std::size_t i = 0; i < kFamilies.size(); ++i)
    chain.rules.push_back({.action = nft::VmapAddress{side, kFamilies[i], dispatch[i].map.name}});
  for (std::size_t i = 0; i < kFamilies.size(); ++i)
    chain.rules.push_back(
        {.matches = {nft::MatchAddressSet{side, kFamilies[i], dispatch[i].guard.name}},
         .action = GotoChain(DenyChain(direction)),
         .comment = "fail-closed fallback"});
  if (direction == Direction::kEgress) return chain;
  // Behind all that packets to an isolated pod's own address meet.
  for (const ipset::Prefix& group : groups)
    chain.rules.push_back({.matches = {nft::MatchPrefix{side, group}},
                           .action = GotoChain(DenyChain(direction)),
                           .comment = "reaches isolated pods too"});
  return chain;
}

std::string AddressChainName(Direction direction, const Address& address) {
  std::string text = address.ToString();
  std::replace(text.begin(), text.end(), ':', '-');
  const bool v4 = address.family() == Family::kIPv4;
  return std::string(direction == Direction::kIngress ? "in" : "eg") + (v4 ? "-" : "6-") + text;
}

nft::Chain AddressChain(Direction direction, const std::vector<ObjectKey>& pods,
                        const Address& address, const std::string& class_chain) {
  const std::string names = Names(pods);
  const ipset::Prefix self(address, ipset::BitsOf(address.family()));
  nft::Chain chain{.name = AddressChainName(direction, address)};
  chain.rules.push_back({.matches = {nft::MatchPrefix{PeerSide(direction), self}},
                         .action = nft::Verdict{},
                         .comment = Comment(names, " itself")});
  chain.rules.push_back({.action = GotoChain(class_chain), .comment = Comment(names)});
  return chain;
}

bool NamesPod(const nft::Chain& chain, const ObjectKey& pod) {
  if (chain.rules.empty()) return false;
  const std::string name = pod.ToString();
  const std::string& comment = chain.rules.back().comment;
  return comment == Comment(name) || comment.starts_with(name + std::string(kAnd)) ||
         comment.ends_with(std::string(kAnd) + name);
}

nft::Element DispatchElement(Direction direction, const Address& address) {
  return {.key = nft::AddressKey(address),
          .last = {},
          .verdict = GotoChain(AddressChainName(direction, address))};
}

nft::Element GuardElement(const Address& address) {
  return {.key = nft::AddressKey(address), .last = {}, .verdict = {}};
}

}  // namespace podgate::compiler
