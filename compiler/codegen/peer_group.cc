#include "compiler/codegen/peer_group.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "compiler/codegen/block_plan.h"
#include "compiler/codegen/direction.h"
#include "compiler/codegen/names.h"
#include "compiler/codegen/rule_origin.h"

namespace podgate::compiler {
namespace {

constexpr std::size_t kTextBytes = 120;

struct Peers {
  bool any = false;
  std::set<PodTerm> terms;
  AddressSet blocks;
};

// Terms that another one contains whatever the pods are are left out: they would only make the
// merged set larger. Those are "all pods in …" of the same namespaces, and "all pods in all
// namespaces". (The latter does not contain a fixed namespace that is not known, see PodTerm.)
std::set<PodTerm> WithoutCovered(const std::set<PodTerm>& terms) {
  const PodTerm all;
  std::set<PodTerm> result;
  for (const PodTerm& term : terms) {
    PodTerm whole = term;
    whole.pods = {};
    const bool covered = (term != whole && terms.contains(whole)) ||
                         (term != all && term.ns.empty() && terms.contains(all));
    if (!covered) result.insert(term);
  }
  return result;
}

Peers Merge(const PolicyClass& policy_class, const std::vector<std::size_t>& entries) {
  Peers peers;
  std::vector<ipset::Interval> intervals;
  for (const std::size_t i : entries) {
    for (const IrPeer& peer : policy_class.entries[i].peers) {
      switch (peer.kind) {
        case IrPeer::Kind::kAny:
          return {.any = true, .terms = {}, .blocks = {}};
        case IrPeer::Kind::kPods:
          peers.terms.insert(peer.term);
          break;
        case IrPeer::Kind::kBlock:
          intervals.insert(intervals.end(), peer.block.intervals().begin(),
                           peer.block.intervals().end());
          break;
      }
    }
  }
  peers.terms = WithoutCovered(peers.terms);
  peers.blocks = AddressSet::OfIntervals(std::move(intervals));
  return peers;
}

std::vector<nft::Match> AddressMatches(const Peers& peers, const PolicyClass& policy_class,
                                       LookupSets* sets) {
  const nft::Side side = PeerSide(policy_class.direction);
  std::vector<nft::Match> matches;
  BlockPlan plan;
  std::vector<AddressSet> parts;
  for (const Family family : policy_class.families) {
    if (!peers.terms.empty())
      matches.push_back(nft::MatchAddressSet{
          .side = side, .family = family, .set = sets->Pods(peers.terms, family)});
    if (AddressSet part = peers.blocks.OfFamily(family); !part.empty()) {
      plan.Add(part);
      parts.push_back(std::move(part));
    }
  }
  plan.Fit(kInlinePrefixes);
  for (const AddressSet& part : parts)
    for (nft::Match& match : plan.Matches(part, side, sets)) matches.push_back(std::move(match));
  return matches;
}

}  // namespace

std::string PeerGroupChain(const PolicyClass& policy_class, const std::vector<std::size_t>& entries,
                           LookupSets* sets) {
  if (sets->full()) return {};
  const Direction direction = policy_class.direction;
  const std::vector<RuleOrigin> origins = OriginsOf(policy_class, entries);
  const Peers peers = Merge(policy_class, entries);
  std::string identity = OriginsIdentity(direction, origins);
  AppendPart(&identity, peers.any ? "any" : "peers");
  for (const PodTerm& term : peers.terms) AppendPart(&identity, term.ToString());
  AppendPart(&identity, "blocks");
  AppendPart(&identity, peers.blocks.ToString());
  // Classes whose pods have other families have other rules for the same peers.
  for (const Family family : policy_class.families)
    AppendPart(&identity, family == Family::kIPv4 ? "ipv4" : "ipv6");

  nft::Chain chain;
  chain.name = HashedName(fmt::format("{}group-", DirectionPrefix(direction)), OriginsText(origins),
                          identity, kTextBytes);
  const auto [place, is_new] = sets->out()->chains.try_emplace(chain.name);
  if (!is_new) return place->first;

  nft::Rule rule{.statements = {nft::CountBy{chain.name}},
                 .action = Allowed(direction),
                 .comment = OriginsComment(direction, origins)};
  if (peers.any) {
    chain.rules.push_back(rule);
  } else {
    for (nft::Match& match : AddressMatches(peers, policy_class, sets)) {
      rule.matches = {std::move(match)};
      chain.rules.push_back(rule);
    }
    chain.rules.push_back(DenyRule(direction));
  }
  if (chain.rules.size() > 1 || peers.any) sets->out()->counters.insert(chain.name);
  place->second = std::move(chain);
  return place->first;
}

}  // namespace podgate::compiler
