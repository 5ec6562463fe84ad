#include "compiler/codegen/bounded_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "compiler/codegen/direction.h"
#include "compiler/codegen/names.h"
#include "compiler/codegen/peer_group.h"
#include "compiler/codegen/rule_origin.h"
#include "compiler/ir/port_pieces.h"

namespace podgate::compiler {
namespace {

constexpr std::array<Protocol, 3> kProtocols = {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp};
// Ranges up to this many ports are written out in the hash map; wider ones need an interval map,
// whose look-up is dearer. Not more, since old kernels follow each element of a map at each commit.
constexpr unsigned kWrittenOutPorts = 16;
constexpr std::size_t kMapTextBytes = 120;

using Indices = std::vector<std::size_t>;  // of entries, sorted

std::uint8_t Number(Protocol protocol) { return static_cast<std::uint8_t>(protocol); }

bool AllowsSomebody(const AllowEntry& entry) {
  return std::any_of(entry.peers.begin(), entry.peers.end(), [](const IrPeer& peer) {
    return peer.kind != IrPeer::Kind::kBlock || !peer.block.empty();
  });
}

// What the entries ask of ports, by protocol.
struct PortNeeds {
  Indices any;                                // every port of every protocol
  std::map<Protocol, Indices> wide;           // every port of the protocol
  std::map<Protocol, Indices> by_port_owner;  // entry of each element of ranges
  std::map<Protocol, std::vector<std::vector<PortRange>>> ranges;
  std::vector<NamedPortUse> named;  // one for each of named_entries
  Indices named_entries;
};

PortNeeds NeedsOf(const PolicyClass& policy_class) {
  PortNeeds needs;
  for (std::size_t i = 0; i < policy_class.entries.size(); ++i) {
    const AllowEntry& entry = policy_class.entries[i];
    if (!AllowsSomebody(entry)) continue;
    std::map<Protocol, std::vector<PortRange>> ranges;
    std::set<Protocol> wide;
    bool any = false;
    std::vector<std::pair<std::string, Protocol>> named;
    for (const IrPort& port : entry.ports) {
      switch (port.kind) {
        case IrPort::Kind::kAny:
          any = true;
          break;
        case IrPort::Kind::kProtocol:
          wide.insert(port.protocol);
          break;
        case IrPort::Kind::kRange:
          ranges[port.protocol].push_back({port.first, port.last});
          break;
        case IrPort::Kind::kNamed:
          named.emplace_back(port.name, port.protocol);
          break;
      }
    }
    if (any) needs.any.push_back(i);
    if (!named.empty()) {
      needs.named_entries.push_back(i);
      needs.named.push_back({.peers = entry.peers, .ports = std::move(named)});
    }
    for (const Protocol protocol : wide) needs.wide[protocol].push_back(i);
    for (auto& [protocol, list] : ranges) {
      needs.by_port_owner[protocol].push_back(i);
      needs.ranges[protocol].push_back(std::move(list));
    }
  }
  return needs;
}

Indices UnionOf(const Indices& a, const Indices& b) {
  Indices result;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(result));
  return result;
}

class BoundedClass {
 public:
  BoundedClass(const PolicyClass& policy_class, LookupSets* sets)
      : class_(policy_class), sets_(sets), needs_(NeedsOf(policy_class)) {}

  std::vector<nft::Rule> Rules() {
    AddNamedPorts();
    // A map that dispatches single ports, then those for ranges: both filled in one go over the
    // pieces.
    PortMap single{.key = {nft::Field::kInetProto, nft::Field::kInetService}};
    std::map<Protocol, PortMap> wide;
    for (const Protocol protocol : kProtocols) AddPieces(protocol, &single, &wide[protocol]);
    if (!single.elements.empty())
      rules_.push_back({.action = nft::VmapService{AddMap("ports", std::move(single))}});
    for (const Protocol protocol : kProtocols)
      if (PortMap& map = wide[protocol]; !map.elements.empty()) {
        map.key = {nft::Field::kInetService};
        map.interval = true;
        rules_.push_back(
            {.action = nft::VmapPort{Number(protocol), AddMap("ranges", std::move(map))}});
      }
    for (const auto& [protocol, entries] : needs_.wide)
      rules_.push_back({.matches = {nft::MatchProtocol{Number(protocol)}},
                        .action = GotoGroup(UnionOf(entries, needs_.any))});
    if (needs_.any.empty()) {
      rules_.push_back(DenyRule(class_.direction));
    } else {
      rules_.push_back({.action = GotoGroup(needs_.any)});
    }
    return std::move(rules_);
  }

 private:
  struct PortMap {
    std::vector<nft::Field> key{};
    bool interval = false;
    std::vector<nft::Element> elements{};
    std::set<std::size_t> entries{};  // that its groups cover
  };

  void AddNamedPorts() {
    if (needs_.named.empty()) return;
    const std::vector<RuleOrigin> origins = OriginsOf(class_, needs_.named_entries);
    const std::string counter =
        HashedName(fmt::format("{}named-ports-", DirectionPrefix(class_.direction)),
                   OriginsText(origins), OriginsIdentity(class_.direction, origins), kMapTextBytes);
    for (const Family family : class_.families) {
      rules_.push_back(
          {.matches = {nft::MatchServiceSet{family, sets_->NamedPorts(needs_.named, family)}},
           .statements = {nft::CountBy{counter}},
           .action = Allowed(class_.direction),
           .comment = OriginsComment(class_.direction, origins)});
      sets_->out()->counters.insert(counter);
    }
  }

  nft::Verdict GotoGroup(const Indices& entries) {
    std::string& chain = groups_[entries];
    if (chain.empty()) chain = PeerGroupChain(class_, entries, sets_);
    return GotoChain(chain);
  }

  void AddPieces(Protocol protocol, PortMap* single, PortMap* wide) {
    const auto ranges = needs_.ranges.find(protocol);
    if (ranges == needs_.ranges.end()) return;
    const Indices& owners = needs_.by_port_owner[protocol];
    const auto protocol_wide = needs_.wide.find(protocol);
    const Indices base = protocol_wide == needs_.wide.end()
                             ? needs_.any
                             : UnionOf(protocol_wide->second, needs_.any);
    for (const PortPiece& piece : CutPorts(ranges->second)) {
      if (sets_->full()) return;
      Indices entries;
      for (const std::size_t rule : piece.rules) entries.push_back(owners[rule]);
      entries = UnionOf(entries, base);
      const nft::Verdict verdict = GotoGroup(entries);
      const unsigned first = piece.range.first;
      const unsigned last = piece.range.last;
      PortMap* map = last - first < kWrittenOutPorts ? single : wide;
      map->entries.insert(entries.begin(), entries.end());
      if (map == wide) {
        wide->elements.push_back({.key = nft::ServiceKey(piece.range.first),
                                  .last = nft::ServiceKey(piece.range.last),
                                  .verdict = verdict});
        continue;
      }
      for (unsigned port = first; port <= last; ++port)
        single->elements.push_back(
            {.key = nft::ProtocolServiceKey(Number(protocol), static_cast<std::uint16_t>(port)),
             .last = {},
             .verdict = verdict});
    }
  }

  std::string AddMap(std::string_view what, PortMap map) {
    std::sort(map.elements.begin(), map.elements.end());
    std::string identity;
    for (const nft::Element& element : map.elements) {
      AppendPart(&identity, nft::Bytes(element.key));
      AppendPart(&identity, nft::Bytes(element.last));
      AppendPart(&identity, element.verdict->chain);
    }
    const std::vector<RuleOrigin> origins =
        OriginsOf(class_, Indices(map.entries.begin(), map.entries.end()));
    nft::Set set{.key = std::move(map.key),
                 .interval = map.interval,
                 .verdict_map = true,
                 .elements = std::move(map.elements)};
    set.name = HashedName(fmt::format("{}{}-", DirectionPrefix(class_.direction), what),
                          OriginsText(origins), identity, kMapTextBytes);
    set.comment = OriginsComment(class_.direction, origins);
    // Exact, since the map never changes: the name says what it holds.
    if (!set.interval)
      set.size = static_cast<std::uint32_t>(std::bit_ceil(2 * set.elements.size()));
    return sets_->out()->sets.insert_or_assign(set.name, std::move(set)).first->first;
  }

  const PolicyClass& class_;
  LookupSets* sets_;
  PortNeeds needs_;
  std::vector<nft::Rule> rules_;
  std::map<Indices, std::string> groups_;
};

}  // namespace

std::vector<nft::Rule> BoundedRules(const PolicyClass& policy_class, LookupSets* sets) {
  return BoundedClass(policy_class, sets).Rules();
}

}  // namespace podgate::compiler
