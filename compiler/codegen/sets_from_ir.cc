#include "compiler/codegen/sets_from_ir.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/codegen/direction.h"
#include "compiler/codegen/set_definitions.h"

namespace podgate::compiler {
namespace {

std::string MeaningKey(std::string_view kind, Family family, const std::string& meaning) {
  return std::string(kind) + Digit(family) + meaning;
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

const std::string& SetsFromIr::Add(nft::Set set, std::vector<nft::Element> elements) {
  set.elements = std::move(elements);
  std::string name = set.name;
  return out()->sets.emplace(std::move(name), std::move(set)).first->first;
}

std::string SetsFromIr::Pods(const std::set<PodTerm>& terms, Family family) {
  std::string& name = names_[MeaningKey("pods", family, MeaningOf(terms))];
  if (!name.empty()) return name;

  std::vector<nft::Key> keys;
  for (const PodTerm& term : terms)
    if (const auto it = ir_.members.find(term); it != ir_.members.end())
      for (const Address& address : it->second)
        if (address.family() == family) keys.push_back(nft::AddressKey(address));
  std::vector<nft::Element> elements = Elements(std::move(keys));
  nft::Set set = PodSet(terms, family, SizeFor(elements.size()));
  return name = Add(std::move(set), std::move(elements));
}

std::string SetsFromIr::NamedPorts(const std::vector<NamedPortUse>& uses, Family family) {
  std::string& name = names_[MeaningKey("named", family, MeaningOf(uses))];
  if (!name.empty()) return name;

  std::vector<MergedPeers> peers;
  std::map<std::pair<std::string, Protocol>, std::vector<std::size_t>> uses_by_port;
  for (const NamedPortUse& use : uses) {
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
  std::vector<nft::Element> elements = Elements(std::move(keys));
  nft::Set set = NamedPortSet(uses, family, SizeFor(elements.size()));
  return name = Add(std::move(set), std::move(elements));
}

}  // namespace podgate::compiler
