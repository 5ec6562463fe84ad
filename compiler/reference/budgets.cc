#include "compiler/reference/budgets.h"

#include <algorithm>
#include <bitset>
#include <set>
#include <string>
#include <tuple>

namespace podgate::compiler::reference {
namespace {

// An ingress rule of names alone that the pod gives none of its ports has no port.
bool HasSomePort(const PolicyRule& rule, const Question& question) {
  if (rule.any_port) return true;
  return std::any_of(rule.ports.begin(), rule.ports.end(), [&](const PolicyPort& port) {
    if (port.number || port.name.empty() || !question.ingress) return true;
    return std::any_of(question.pod->ports.begin(), question.pod->ports.end(),
                       [&](const NamedPort& named) {
                         return named.name == port.name && named.protocol == port.protocol;
                       });
  });
}

bool HasTooManySelectors(const std::vector<const NetworkPolicy*>& isolating,
                         const Question& question) {
  std::size_t peers = 0;
  for (const NetworkPolicy* policy : isolating)
    for (const PolicyRule& rule : RulesOf(*policy, question.ingress)) peers += rule.peers.size();
  if (peers <= kMaxPodTerms) return false;
  std::set<std::tuple<std::string, LabelSelector, LabelSelector>> different;
  for (const NetworkPolicy* policy : isolating) {
    for (const PolicyRule& rule : RulesOf(*policy, question.ingress)) {
      if (rule.any_peer || !HasSomePort(rule, question)) continue;
      for (const PolicyPeer& peer : rule.peers) {
        if (peer.block || (!peer.pods && !peer.namespaces)) continue;
        different.emplace(peer.namespaces ? "" : policy->key.ns,
                          peer.namespaces.value_or(LabelSelector()),
                          peer.pods.value_or(LabelSelector()));
      }
    }
  }
  return different.size() > kMaxPodTerms;
}

// A rule's single ports and ranges of a protocol; whether it covers all ports of it.
struct Covered {
  std::bitset<65536> ports;
  bool all = false;
};

void Add(const PolicyPort& port, Covered* covered) {
  if (!port.number) {
    covered->all = true;
    return;
  }
  for (std::uint32_t p = *port.number; p <= port.end.value_or(*port.number); ++p)
    covered->ports.set(p);
}

Covered CoveredBy(const PolicyRule& rule, Protocol protocol, const Question& question) {
  Covered covered;
  covered.all = rule.any_port;
  for (const PolicyPort& port : rule.ports) {
    if (port.protocol != protocol || rule.any_port) continue;
    if (port.number || port.name.empty()) {
      Add(port, &covered);
    } else if (question.ingress) {
      for (const NamedPort& named : question.pod->ports)
        if (named.name == port.name && named.protocol == protocol) covered.ports.set(named.port);
    }
  }
  return covered;
}

// A piece begins where a rule begins or ends to cover ports.
std::size_t PiecesTimesRules(const std::vector<const PolicyRule*>& rules, Protocol protocol,
                             const Question& question) {
  std::vector<std::size_t> covering(65536);
  std::vector<bool> cut(65536);
  std::size_t all = 0;
  for (const PolicyRule* rule : rules) {
    const Covered covered = CoveredBy(*rule, protocol, question);
    if (covered.all) ++all;
    for (std::size_t port = 0; port < covering.size(); ++port) {
      if (covered.ports[port]) ++covering[port];
      if (covered.ports[port] != (port > 0 && covered.ports[port - 1])) cut[port] = true;
    }
  }
  std::size_t count = 0;
  for (std::size_t port = 0; port < covering.size(); ++port)
    if (covering[port] > 0 && (cut[port] || port == 0)) count += covering[port] + all;
  return count;
}

// A rule that was left with nobody in it allows nobody.
bool HasSomePeer(const PolicyRule& rule) {
  return rule.any_peer ||
         std::any_of(rule.peers.begin(), rule.peers.end(), [](const PolicyPeer& peer) {
           return peer.block.has_value() != (peer.pods || peer.namespaces);
         });
}

bool HasTooManyPieces(const std::vector<const NetworkPolicy*>& isolating,
                      const Question& question) {
  std::vector<const PolicyRule*> rules;
  std::size_t ranges = 0;  // no fewer than there are
  for (const NetworkPolicy* policy : isolating) {
    for (const PolicyRule& rule : RulesOf(*policy, question.ingress)) {
      if (!HasSomePort(rule, question) || !HasSomePeer(rule)) continue;
      rules.push_back(&rule);
      for (const PolicyPort& port : rule.ports)
        ranges += port.name.empty() ? 1 : question.pod->ports.size();
    }
  }
  // Each range has two ends, and a rule may count once for a range and once for all ports: most
  // policies are far from it.
  if (4 * ranges * rules.size() <= kMaxPortPieces) return false;
  std::size_t count = 0;
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp})
    count += PiecesTimesRules(rules, protocol, question);
  return count > kMaxPortPieces;
}

}  // namespace

OverBudget BudgetOf(const std::vector<const NetworkPolicy*>& isolating, const Question& question) {
  if (HasTooManySelectors(isolating, question)) return OverBudget::kPodSelectors;
  if (HasTooManyPieces(isolating, question)) return OverBudget::kPortPieces;
  return OverBudget::kNo;
}

}  // namespace podgate::compiler::reference
