#include "compiler/set_pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/names.h"
#include "compiler/selector.h"

namespace podgate::compiler {
namespace {

constexpr std::uint32_t kSmallestSize = 1024;
constexpr std::uint32_t kLargestSize = 1u << 30;
constexpr std::size_t kTextBytes = 40;  // of what a set stands for, in its name

char Digit(Family family) { return family == Family::kIPv4 ? '4' : '6'; }

std::string ShortText(const PodTerm& term) {
  const std::string pods = ToString(term.pods);
  std::string text = (pods.empty() ? "all" : pods) + " in ";
  if (!term.ns.empty()) return text + term.ns;
  const std::string namespaces = ToString(term.namespaces);
  return text + (namespaces.empty() ? "all" : namespaces);
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

std::string Text(const NamedUse& use) {
  return fmt::format("{} {} of {}", ToString(use.protocol), use.name, PeerText(use.peer));
}

std::string MoreSuffix(std::size_t count) {
  return count > 1 ? fmt::format(" and {} more", count - 1) : std::string();
}

std::vector<nft::Element> Elements(std::vector<nft::Key> keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<nft::Element> elements;
  elements.reserve(keys.size());
  for (nft::Key& key : keys) elements.push_back({.key = std::move(key), .last = {}, .verdict = {}});
  return elements;
}

// The uses for one port, so that a pod is asked once however many uses there are.
using UsesByPort = std::map<std::pair<std::string, Protocol>, std::vector<const IrPeer*>>;

}  // namespace

std::uint32_t SizeFor(std::size_t elements) {
  std::uint32_t size = kSmallestSize;
  while (size < 2 * elements && size < kLargestSize) size *= 16;
  return size;
}

std::string SizeSuffix(std::uint32_t size) {
  return size == kSmallestSize ? std::string() : fmt::format("-{}", size);
}

nft::Field AddressField(Family family) {
  return family == Family::kIPv4 ? nft::Field::kIpv4Addr : nft::Field::kIpv6Addr;
}

SetPool::SetPool(const NodeIr& ir, nft::Ruleset* out) : ir_(ir), out_(out) {
  std::set<Family> families;
  for (const LocalPod& pod : ir.pods)
    for (const Address& address : pod.addresses) families.insert(address.family());
  families_.assign(families.begin(), families.end());
}

std::string SetPool::Pods(const std::set<PodTerm>& terms, Family family) {
  std::string meaning;
  for (const PodTerm& term : terms) AppendPart(&meaning, term.ToString());
  std::string& known = names_[std::string("pods") + Digit(family) + meaning];
  if (!known.empty()) return known;

  std::vector<nft::Key> keys;
  for (const PodTerm& term : terms)
    if (const auto it = ir_.members.find(term); it != ir_.members.end())
      for (const Address& address : it->second)
        if (address.family() == family) keys.push_back(nft::AddressKey(address));
  nft::Set set{.key = {AddressField(family)}, .elements = Elements(std::move(keys))};
  set.size = SizeFor(set.elements.size());
  const PodTerm& first = *terms.begin();
  set.name = HashedName(fmt::format("peers{}-", Digit(family)),
                        ShortText(first) + MoreSuffix(terms.size()), meaning, kTextBytes) +
             SizeSuffix(set.size);
  set.comment = Comment(first.ToString(), MoreSuffix(terms.size()));
  known = set.name;
  return out_->sets.emplace(set.name, std::move(set)).first->first;
}

std::string SetPool::NamedPorts(const std::set<NamedUse>& uses, Family family) {
  std::string meaning;
  for (const NamedUse& use : uses) AppendPart(&meaning, Text(use));
  std::string& known = names_[std::string("named") + Digit(family) + meaning];
  if (!known.empty()) return known;

  UsesByPort peers;
  std::map<const IrPeer*, std::set<Address>> members;
  for (const NamedUse& use : uses) {
    peers[{use.name, use.protocol}].push_back(&use.peer);
    if (use.peer.kind == IrPeer::Kind::kPods)
      if (const auto it = ir_.members.find(use.peer.term); it != ir_.members.end())
        members[&use.peer].insert(it->second.begin(), it->second.end());
  }
  const auto is_meant = [&](const IrPeer* peer, const Address& address) {
    switch (peer->kind) {
      case IrPeer::Kind::kAny:
        return true;
      case IrPeer::Kind::kPods:
        return members[peer].contains(address);
      case IrPeer::Kind::kBlock:
        return peer->block.Contains(address);
    }
    return false;
  };
  std::vector<nft::Key> keys;
  for (const auto& [address, ports] : ir_.named_ports) {
    if (address.family() != family) continue;
    for (const NamedPort& port : ports) {
      const auto it = peers.find({port.name, port.protocol});
      if (it != peers.end() &&
          std::any_of(it->second.begin(), it->second.end(),
                      [&](const IrPeer* peer) { return is_meant(peer, address); }))
        keys.push_back(nft::AddressProtocolServiceKey(
            address, static_cast<std::uint8_t>(port.protocol), port.port));
    }
  }
  nft::Set set{.key = {AddressField(family), nft::Field::kInetProto, nft::Field::kInetService},
               .elements = Elements(std::move(keys))};
  set.size = SizeFor(set.elements.size());
  const NamedUse& first = *uses.begin();
  set.name = HashedName(fmt::format("ports{}-", Digit(family)),
                        Text(first) + MoreSuffix(uses.size()), meaning, kTextBytes) +
             SizeSuffix(set.size);
  set.comment = Comment(Text(first), MoreSuffix(uses.size()));
  known = set.name;
  return out_->sets.emplace(set.name, std::move(set)).first->first;
}

std::string SetPool::Block(const AddressSet& block) {
  const Family family = block.intervals().front().first.family();
  const std::string meaning = block.ToString();
  std::string& known = names_["block" + meaning];
  if (!known.empty()) return known;

  nft::Set set{.key = {AddressField(family)}, .interval = true};
  for (const ipset::Interval& interval : block.intervals())
    set.elements.push_back({.key = nft::AddressKey(interval.first),
                            .last = nft::AddressKey(interval.last),
                            .verdict = {}});
  set.name = fmt::format("blocks{}_{}", Digit(family), Hash16(meaning));
  set.comment = Comment(meaning);
  known = set.name;
  return out_->sets.emplace(set.name, std::move(set)).first->first;
}

}  // namespace podgate::compiler
