#include "compiler/codegen/set_definitions.h"

#include <fmt/format.h>

#include "compiler/codegen/direction.h"
#include "compiler/codegen/names.h"
#include "compiler/model/selector.h"

namespace podgate::compiler {
namespace {

constexpr std::uint32_t kSmallestSize = 1024;
constexpr std::uint32_t kLargestSize = 1u << 30;
constexpr std::size_t kTextBytes = 40;  // of what a set stands for, in its name

// The term in few words, in characters that names can hold: "app-web-in-shop", "not-tier-in-all".
std::string ShortText(const PodTerm& term) {
  const std::string pods = ToString(term.pods);
  std::string text = (pods.empty() ? "all" : pods) + " in ";
  const std::string namespaces = ToString(term.namespaces);
  text += !term.ns.empty() ? term.ns : namespaces.empty() ? "all" : namespaces;
  for (std::size_t at = 0; (at = text.find('!', at)) != std::string::npos;)
    text.replace(at, text[at + 1] == '=' ? 2 : 1, " not ");
  return text;
}

std::string PeerText(const IrPeer& peer) {
  switch (peer.kind) {
    case IrPeer::Kind::kAny:
      return "any pod";
    case IrPeer::Kind::kPods:
      return peer.term.ToString();
    case IrPeer::Kind::kBlock:
      return "pods in " + peer.block.ToString();
  }
  return {};
}

std::string PortText(const std::pair<std::string, Protocol>& port) {
  return fmt::format("{} {}", ToString(port.second), port.first);
}

std::string MoreSuffix(std::size_t count) {
  return count > 1 ? fmt::format(" and {} more", count - 1) : std::string();
}

}  // namespace

std::uint32_t SizeFor(std::size_t elements) {
  std::uint32_t size = kSmallestSize;
  while (size < 2 * elements && size < kLargestSize) size *= 16;
  return size;
}

std::uint32_t SizeFor(std::size_t elements, std::uint32_t now) {
  const std::uint32_t size = SizeFor(elements);
  return size < now && SizeFor(8 * elements) >= now ? now : size;
}

std::string SizeSuffix(std::uint32_t size) {
  return size == kSmallestSize ? std::string() : fmt::format("-{}", size);
}

std::string MeaningOf(const std::set<PodTerm>& terms) {
  std::string meaning;
  for (const PodTerm& term : terms) AppendPart(&meaning, term.ToString());
  return meaning;
}

std::string MeaningOf(const std::vector<NamedPortUse>& uses) {
  std::string meaning;
  for (const NamedPortUse& use : uses) {
    AppendPart(&meaning, std::to_string(use.ports.size()));
    for (const auto& port : use.ports) AppendPart(&meaning, PortText(port));
    AppendPart(&meaning, std::to_string(use.peers.size()));
    for (const IrPeer& peer : use.peers) AppendPart(&meaning, PeerText(peer));
  }
  return meaning;
}

nft::Set PodSet(const std::set<PodTerm>& terms, Family family, std::uint32_t size) {
  const PodTerm& first = *terms.begin();
  nft::Set set{.key = {AddressField(family)}};
  set.size = size;
  set.name = HashedName(fmt::format("peers{}-", Digit(family)),
                        ShortText(first) + MoreSuffix(terms.size()), MeaningOf(terms), kTextBytes) +
             SizeSuffix(set.size);
  set.comment = Comment(first.ToString(), MoreSuffix(terms.size()));
  return set;
}

nft::Set NamedPortSet(const std::vector<NamedPortUse>& uses, Family family, std::uint32_t size) {
  nft::Set set{.key = {AddressField(family), nft::Field::kInetProto, nft::Field::kInetService}};
  set.size = size;
  const NamedPortUse& first = uses.front();
  const std::string text =
      fmt::format("{} of {}", PortText(first.ports.front()), PeerText(first.peers.front()));
  const std::string more =
      first.ports.size() * first.peers.size() * uses.size() > 1 ? " and more" : "";
  set.name =
      HashedName(fmt::format("ports{}-", Digit(family)), text + more, MeaningOf(uses), kTextBytes) +
      SizeSuffix(set.size);
  set.comment = Comment(text, more);
  return set;
}

nft::Set BlockSet(const AddressSet& block) {
  const Family family = block.intervals().front().first.family();
  const std::string meaning = block.ToString();
  nft::Set set{.key = {AddressField(family)}, .interval = true};
  set.name = fmt::format("blocks{}_{}", Digit(family), Hash32(meaning));
  for (const ipset::Interval& interval : block.intervals())
    set.elements.push_back({.key = nft::AddressKey(interval.first),
                            .last = nft::AddressKey(interval.last),
                            .verdict = {}});
  set.comment = Comment(meaning);
  return set;
}

}  // namespace podgate::compiler
