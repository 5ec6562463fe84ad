#include "compiler/set_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "compiler/names.h"
#include "compiler/selector.h"

namespace podgate::compiler {
namespace {

constexpr std::uint32_t kSmallestSize = 1024;
constexpr std::uint32_t kLargestSize = 1u << 30;
constexpr std::size_t kTextBytes = 40;  // of what a set stands for, in its name

char Digit(Family family) { return family == Family::kIPv4 ? '4' : '6'; }

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

// What the uses mean, in full.
std::string Meaning(const std::vector<NamedUse>& uses) {
  std::string meaning;
  for (const NamedUse& use : uses) {
    AppendPart(&meaning, std::to_string(use.ports.size()));
    for (const auto& port : use.ports) AppendPart(&meaning, PortText(port));
    AppendPart(&meaning, std::to_string(use.peers.size()));
    for (const IrPeer& peer : use.peers) AppendPart(&meaning, PeerText(peer));
  }
  return meaning;
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

// The peers of one use, merged.
class MergedPeers {
 public:
  MergedPeers(const std::vector<IrPeer>& peers, const NodeIr& ir) {
    std::vector<ipset::Interval> intervals;
    for (const IrPeer& peer : peers) {
      if (peer.kind == IrPeer::Kind::kAny) any_ = true;
      const std::vector<ipset::Interval>& block = peer.block.intervals();
      intervals.insert(intervals.end(), block.begin(), block.end());
      if (peer.kind != IrPeer::Kind::kPods) continue;
      if (const auto it = ir.members.find(peer.term); it != ir.members.end())
        members_.insert(it->second.begin(), it->second.end());
    }
    blocks_ = AddressSet::OfIntervals(std::move(intervals));
  }

  bool Contain(const Address& address) const {
    return any_ || members_.contains(address) || blocks_.Contains(address);
  }

 private:
  bool any_ = false;
  std::set<Address> members_;
  AddressSet blocks_;
};

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

std::string SetPool::NamedPorts(const std::vector<NamedUse>& uses, Family family) {
  const std::string meaning = Meaning(uses);
  std::string& known = names_[std::string("named") + Digit(family) + meaning];
  if (!known.empty()) return known;

  std::vector<MergedPeers> peers;
  std::map<std::pair<std::string, Protocol>, std::vector<std::size_t>> uses_by_port;
  for (const NamedUse& use : uses) {
    for (const auto& port : use.ports) uses_by_port[port].push_back(peers.size());
    peers.emplace_back(use.peers, ir_);
  }
  std::vector<nft::Key> keys;
  for (const auto& [address, ports] : ir_.named_ports) {
    if (address.family() != family) continue;
    for (const NamedPort& port : ports) {
      const auto it = uses_by_port.find({port.name, port.protocol});
      if (it != uses_by_port.end() &&
          std::any_of(it->second.begin(), it->second.end(),
                      [&, &a = address](std::size_t use) { return peers[use].Contain(a); }))
        keys.push_back(nft::AddressProtocolServiceKey(
            address, static_cast<std::uint8_t>(port.protocol), port.port));
    }
  }
  nft::Set set{.key = {AddressField(family), nft::Field::kInetProto, nft::Field::kInetService},
               .elements = Elements(std::move(keys))};
  set.size = SizeFor(set.elements.size());
  const NamedUse& first = uses.front();
  const std::string text =
      fmt::format("{} of {}", PortText(first.ports.front()), PeerText(first.peers.front()));
  const std::string more =
      first.ports.size() * first.peers.size() * uses.size() > 1 ? " and more" : "";
  set.name = HashedName(fmt::format("ports{}-", Digit(family)), text + more, meaning, kTextBytes) +
             SizeSuffix(set.size);
  set.comment = Comment(text, more);
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
