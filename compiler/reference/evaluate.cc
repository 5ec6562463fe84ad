#include "compiler/reference/evaluate.h"

#include <fmt/format.h>

#include "compiler/reference/endpoints.h"
#include "compiler/reference/reasons.h"
#include "compiler/reference/rule_matching.h"

namespace podgate::compiler {
namespace {

using Kind = Endpoint::Kind;
using reference::Describe;
using reference::Question;

// Why policies are not asked, or empty. The rows of design §4 that come before every policy.
std::string Exemption(const Endpoints& ends, const EvaluateOptions& options) {
  const Endpoint& from = ends.from;
  const Endpoint& to = ends.to;
  if (from.kind != Kind::kPod && to.kind != Kind::kPod) {
    return fmt::format("no pod network is involved between {} and {}, so nothing is policed",
                       Describe(from), Describe(to));
  }
  const bool same_node = !from.node.empty() && from.node == to.node;
  if (from.kind == Kind::kPod && to.kind == Kind::kPod && from.pod == to.pod) {
    return fmt::format("{} always reaches itself", Describe(from));
  }
  if (from.kind == Kind::kNode && same_node) {
    return fmt::format("{} always reaches the pods it runs", Describe(from));
  }
  if (to.kind == Kind::kNode && same_node && !options.pod_to_node_enforce) {
    return fmt::format("{} always reaches the node it runs on ({})", Describe(from), Describe(to));
  }
  return "";
}

std::vector<const NetworkPolicy*> Isolating(const Question& question) {
  std::vector<const NetworkPolicy*> isolating;
  for (const auto& [key, policy] : question.cluster->policies) {
    if (reference::Isolates(policy, question)) isolating.push_back(&policy);
  }
  return isolating;
}

// One direction of the flow, from the pod at that side (or from nobody when that side is no pod).
SideVerdict Judge(const Question& question, const Endpoint& self, const std::string& exemption) {
  SideVerdict verdict;
  const char* direction = question.ingress ? "ingress" : "egress";
  if (question.pod == nullptr) {
    verdict.reason = exemption.empty() ? fmt::format("no policy has a say about {} of {}",
                                                     direction, Describe(self))
                                       : exemption;
    return verdict;
  }
  const std::vector<const NetworkPolicy*> isolating = Isolating(question);
  for (const NetworkPolicy* policy : isolating) verdict.isolating.push_back(policy->key);
  verdict.applies = !isolating.empty();
  if (!exemption.empty()) {
    verdict.reason = exemption;
    return verdict;
  }
  if (isolating.empty()) {
    verdict.reason = fmt::format("no policy isolates {} for {}", Describe(self), direction);
    return verdict;
  }
  if (reference::TooManySelectors(isolating, question)) {
    verdict.allowed = false;
    verdict.reason = reference::DeniedByTheirNumber(isolating, question);
    return verdict;
  }
  for (const NetworkPolicy* policy : isolating) {
    for (const PolicyRule& rule : reference::RulesOf(*policy, question.ingress)) {
      if (!reference::AnyPeerMatches(*policy, rule, question)) continue;
      if (!reference::AnyPortMatches(rule, question)) continue;
      verdict.policy = policy->key;
      verdict.rule = rule.index;
      verdict.reason = reference::AllowedBy(*policy, rule, question);
      return verdict;
    }
  }
  verdict.allowed = false;
  verdict.reason = reference::DeniedBy(isolating, question);
  return verdict;
}

// The side that decides; of two that allow, both where both were asked.
std::string Summary(const FlowAnswer& verdict, const Endpoints& ends,
                    const std::string& exemption) {
  if (!exemption.empty()) return exemption;
  if (!verdict.egress.allowed) return verdict.egress.reason;
  if (!verdict.ingress.allowed) return verdict.ingress.reason;
  if (ends.from.kind != Kind::kPod) return verdict.ingress.reason;
  if (ends.to.kind != Kind::kPod) return verdict.egress.reason;
  return fmt::format("{}, and {}", verdict.egress.reason, verdict.ingress.reason);
}

}  // namespace

std::optional<FlowAnswer> Evaluate(const Cluster& cluster, const FlowQuery& flow,
                                   const EvaluateOptions& options, std::string* error) {
  const std::optional<Endpoints> ends = ResolveEndpoints(cluster, flow, error);
  if (!ends) return std::nullopt;
  const std::string exemption = Exemption(*ends, options);

  Question egress;
  egress.cluster = &cluster;
  egress.ingress = false;
  egress.pod = ends->from.pod;
  egress.peer = &ends->to;
  egress.destination = ends->to.pod;
  egress.protocol = flow.protocol;
  egress.port = flow.port;
  egress.family = ends->family;

  Question ingress = egress;
  ingress.ingress = true;
  ingress.pod = ends->to.pod;
  ingress.peer = &ends->from;

  FlowAnswer verdict;
  verdict.family = ends->family;
  verdict.egress = Judge(egress, ends->from, exemption);
  verdict.ingress = Judge(ingress, ends->to, exemption);
  verdict.allowed = verdict.egress.allowed && verdict.ingress.allowed;
  verdict.reason = Summary(verdict, *ends, exemption);
  return verdict;
}

}  // namespace podgate::compiler
