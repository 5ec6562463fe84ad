#include "compiler/codegen/class_chain.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "compiler/codegen/block_plan.h"
#include "compiler/codegen/bounded_form.h"
#include "compiler/codegen/direction.h"
#include "compiler/codegen/names.h"
#include "compiler/codegen/rule_origin.h"

namespace podgate::compiler {
namespace {

struct Pair {
  const IrPeer* peer;
  const IrPort* port;
  std::vector<RuleOrigin> origins;
};

// The different pairs, in policy order; nullopt when there are more than kReadablePairs.
std::optional<std::vector<Pair>> DistinctPairs(const PolicyClass& policy_class) {
  std::vector<Pair> pairs;
  std::map<std::pair<IrPeer, IrPort>, std::size_t> places;
  for (const AllowEntry& entry : policy_class.entries) {
    for (const IrPeer& peer : entry.peers) {
      if (peer.kind == IrPeer::Kind::kBlock && peer.block.empty()) continue;
      for (const IrPort& port : entry.ports) {
        const auto [it, is_new] = places.try_emplace({peer, port}, pairs.size());
        if (is_new) {
          if (pairs.size() == kReadablePairs) return std::nullopt;
          pairs.push_back({.peer = &peer, .port = &port, .origins = {}});
        }
        pairs[it->second].origins.push_back({entry.policy, entry.rule});
      }
    }
  }
  return pairs;
}

std::optional<nft::Match> PortMatch(const IrPort& port) {
  const auto protocol = static_cast<std::uint8_t>(port.protocol);
  switch (port.kind) {
    case IrPort::Kind::kAny:
    case IrPort::Kind::kNamed:  // the set of named ports holds protocol and port
      return std::nullopt;
    case IrPort::Kind::kProtocol:
      return nft::MatchProtocol{.protocol = protocol};
    case IrPort::Kind::kRange:
      return nft::MatchPort{.protocol = protocol, .first = port.first, .last = port.last};
  }
  return std::nullopt;
}

// The families in which the pair can match at all.
std::vector<Family> FamiliesOf(const Pair& pair, const PolicyClass& policy_class) {
  std::vector<Family> families;
  for (const Family family : policy_class.families)
    if (pair.peer->kind != IrPeer::Kind::kBlock || !pair.peer->block.OfFamily(family).empty())
      families.push_back(family);
  return families;
}

// One match for each rule that the pair needs; nullopt: a rule without address.
std::vector<std::optional<nft::Match>> AddressMatches(const Pair& pair, nft::Side side,
                                                      const PolicyClass& policy_class,
                                                      const BlockPlan& blocks, LookupSets* sets) {
  const bool named = pair.port->kind == IrPort::Kind::kNamed;
  if (pair.peer->kind == IrPeer::Kind::kAny && !named) return {std::nullopt};
  std::vector<std::optional<nft::Match>> matches;
  for (const Family family : FamiliesOf(pair, policy_class)) {
    if (named) {
      const NamedPortUse use{.peers = {*pair.peer},
                             .ports = {{pair.port->name, pair.port->protocol}}};
      matches.push_back(nft::MatchServiceSet{family, sets->NamedPorts({use}, family)});
    } else if (pair.peer->kind == IrPeer::Kind::kPods) {
      matches.push_back(nft::MatchAddressSet{side, family, sets->Pods({pair.peer->term}, family)});
    } else {
      for (nft::Match& match : blocks.Matches(pair.peer->block.OfFamily(family), side, sets))
        matches.push_back(std::move(match));
    }
  }
  return matches;
}

// The blocks that are compared by prefix or by set, so that all rules of the chain together are
// few.
BlockPlan PlanBlocks(const std::vector<Pair>& pairs, const PolicyClass& policy_class) {
  BlockPlan plan;
  std::size_t others = 1;  // the last rule, which denies
  for (const Pair& pair : pairs) {
    const bool named = pair.port->kind == IrPort::Kind::kNamed;
    if (pair.peer->kind == IrPeer::Kind::kBlock && !named) {
      for (const Family family : FamiliesOf(pair, policy_class))
        plan.Add(pair.peer->block.OfFamily(family));
    } else {
      const bool without_address = pair.peer->kind == IrPeer::Kind::kAny && !named;
      others += without_address ? 1 : FamiliesOf(pair, policy_class).size();
    }
  }
  plan.Fit(others < kReadableRules ? kReadableRules - others : 0);
  return plan;
}

std::vector<nft::Rule> ReadableRules(const PolicyClass& policy_class,
                                     const std::vector<Pair>& pairs, LookupSets* sets) {
  const Direction direction = policy_class.direction;
  const BlockPlan blocks = PlanBlocks(pairs, policy_class);
  std::vector<nft::Rule> rules;
  for (const Pair& pair : pairs) {
    const std::string counter = CounterName(direction, pair.origins.front());
    const std::optional<nft::Match> port = PortMatch(*pair.port);
    for (std::optional<nft::Match>& address :
         AddressMatches(pair, PeerSide(direction), policy_class, blocks, sets)) {
      nft::Rule rule{.statements = {nft::CountBy{counter}},
                     .action = Allowed(direction),
                     .comment = OriginsComment(direction, pair.origins)};
      // The port first: it is the cheaper compare and the one that fails more often.
      if (port) rule.matches.push_back(*port);
      if (address) rule.matches.push_back(*std::move(address));
      rules.push_back(std::move(rule));
      sets->out()->counters.insert(counter);
    }
  }
  rules.push_back(DenyRule(direction));
  return rules;
}

}  // namespace

std::string ClassChainName(const ClassKey& key) {
  const std::string prefix = fmt::format("{}class-", DirectionPrefix(key.direction));
  const std::string first = key.policies.front().ToString();
  std::string identity;
  for (const ObjectKey& policy : key.policies) AppendPart(&identity, policy.ToString());
  AppendPart(&identity, "ports");
  for (const NamedPort& port : key.resolved)
    AppendPart(&identity, fmt::format("{} {} {}", port.name, ToString(port.protocol), port.port));
  if (key.contested) AppendPart(&identity, "contested");
  if (key.policies.size() == 1 && key.resolved.empty() && !key.contested)
    return PlainName(prefix, first, identity, nft::kMaxNameBytes);
  const std::string more = key.policies.size() > 1
                               ? fmt::format("-and-{}-more", key.policies.size() - 1)
                               : std::string();
  // Truncated within the policy's name, so that the number stays.
  return HashedName(prefix, first.substr(0, 160) + more, identity, 200);
}

std::string CompileClass(const PolicyClass& policy_class, LookupSets* sets) {
  const std::optional<std::vector<Pair>> pairs = DistinctPairs(policy_class);
  nft::Chain chain{.name = ClassChainName({.direction = policy_class.direction,
                                           .policies = policy_class.policies,
                                           .resolved = policy_class.resolved,
                                           .contested = policy_class.contested}),
                   .base = std::nullopt,
                   .rules = {}};
  chain.rules =
      pairs ? ReadableRules(policy_class, *pairs, sets) : BoundedRules(policy_class, sets);
  if (policy_class.over_budget != OverBudget::kNo)
    chain.rules.back().comment =
        fmt::format("nothing allowed: {}; use fewer", Describe(policy_class.over_budget));
  if (policy_class.contested)
    chain.rules.back().comment =
        "nothing allowed: several pods have the address, and different policies isolate them";
  return sets->out()->chains.insert_or_assign(chain.name, chain).first->first;
}

}  // namespace podgate::compiler
