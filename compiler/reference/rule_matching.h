// What the text of the NetworkPolicy API says about one rule and one connection, question by
// question, each answered in the most obvious way. It shares no code with the selectors and the IR
// that the ruleset is made from: the two are compared with each other. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/model/model.h"
#include "compiler/reference/endpoints.h"
#include "compiler/reference/flow_query.h"

namespace podgate::compiler::reference {

// One connection, seen from the pod whose policies are asked.
struct Question {
  const Cluster* cluster = nullptr;
  bool ingress = true;       // the pod is the destination; else it is the source
  const Pod* pod = nullptr;  // whose policies decide
  const Endpoint* peer = nullptr;
  // The pods that the peer's address may mean: what selects them must select all. Empty: no pod.
  std::vector<const Pod*> peer_pods{};
  // The same of the destination: named ports are resolved on all of them. Empty: not a pod.
  std::vector<const Pod*> destinations{};
  FlowProtocol protocol = FlowProtocol::kTcp;
  std::uint16_t port = 0;
  std::optional<Family> family;
};

// metav1.LabelSelector: all requirements hold; none selects everything.
bool Selects(const LabelSelector& selector, const Labels& labels);

// Whether the policy applies to the pod and isolates it in the question's direction.
bool Isolates(const NetworkPolicy& policy, const Question& question);

const std::vector<PolicyRule>& RulesOf(const NetworkPolicy& policy, bool ingress);

// One item of from / to, one item of ports.
bool PeerMatches(const NetworkPolicy& policy, const PolicyPeer& peer, const Question& question);
bool PortMatches(const PolicyPort& port, const Question& question);

// "The traffic must match both ports and from."
bool AnyPeerMatches(const NetworkPolicy& policy, const PolicyRule& rule, const Question& question);
bool AnyPortMatches(const PolicyRule& rule, const Question& question);

}  // namespace podgate::compiler::reference
