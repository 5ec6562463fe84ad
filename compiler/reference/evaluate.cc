#include "compiler/reference/evaluate.h"

#include <fmt/format.h>

#include "compiler/reference/budgets.h"
#include "compiler/reference/endpoints.h"
#include "compiler/reference/reasons.h"
#include "compiler/reference/rule_matching.h"

namespace podgate::compiler {
namespace {

using Kind = Endpoint::Kind;
using reference::Describe;
using reference::Question;

// Why no policy is asked, or empty: the rows of design §4 that come before every policy.
std::string Exemption(const Endpoints& ends, const EvaluateOptions& options) {
  const Endpoint& from = ends.from;
  const Endpoint& to = ends.to;
  if (from.kind == Kind::kOutside && to.kind == Kind::kOutside) {
    return fmt::format("no pod of the input has these addresses ({} and {}), so no policy applies",
                       Describe(from), Describe(to));
  }
  if (from.kind != Kind::kPod && to.kind != Kind::kPod) {
    return fmt::format("neither {} nor {} is in the pod network, so no policy applies",
                       Describe(from), Describe(to));
  }
  const bool same_node = !from.node.empty() && from.node == to.node;
  if (from.kind == Kind::kPod && to.kind == Kind::kPod && from.pod == to.pod) {
    return fmt::format("{} always reaches itself", Describe(from));
  }
  if (from.kind == Kind::kNode && same_node) {
    if (from.host_pod == nullptr)
      return fmt::format("{} always reaches its own pods", Describe(from));
    return fmt::format("{} uses the network of node {}; a node always reaches its own pods",
                       from.host_pod->key.ToString(), from.node);
  }
  if (to.kind == Kind::kNode && same_node && !options.pod_to_node_enforce) {
    if (to.host_pod == nullptr)
      return fmt::format("{} always reaches its own node, {}", Describe(from), to.node);
    return fmt::format("{} uses the network of node {}; a pod always reaches its own node",
                       to.host_pod->key.ToString(), to.node);
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

// One direction of the query; `self` is the end whose policies are asked, if it is a pod.
SideAnswer Judge(const Question& question, const Endpoint& self, const std::string& exemption) {
  SideAnswer answer;
  const char* direction = question.ingress ? "ingress" : "egress";
  if (question.pod == nullptr) {
    answer.reason = exemption.empty()
                        ? fmt::format("no policy applies to {} of {}", direction, Describe(self))
                        : exemption;
    return answer;
  }
  const std::vector<const NetworkPolicy*> isolating = Isolating(question);
  for (const NetworkPolicy* policy : isolating) answer.isolating.push_back(policy->key);
  answer.applies = !isolating.empty();
  if (!exemption.empty()) {
    answer.reason = exemption;
    return answer;
  }
  if (isolating.empty()) {
    answer.reason = fmt::format("no policy isolates {} for {}", Describe(self), direction);
    return answer;
  }
  if (const OverBudget over = reference::BudgetOf(isolating, question); over != OverBudget::kNo) {
    answer.allowed = false;
    answer.reason = reference::DeniedByBudget(isolating, over, question);
    return answer;
  }
  for (const NetworkPolicy* policy : isolating) {
    for (const PolicyRule& rule : reference::RulesOf(*policy, question.ingress)) {
      if (!reference::AnyPeerMatches(*policy, rule, question)) continue;
      if (!reference::AnyPortMatches(rule, question)) continue;
      answer.policy = policy->key;
      answer.rule = rule.index;
      answer.reason = reference::AllowedBy(*policy, rule, question);
      return answer;
    }
  }
  answer.allowed = false;
  answer.reason = reference::DeniedBy(isolating, question);
  return answer;
}

// The side that decides; of two that allow, both where both were asked.
std::string Summary(const FlowAnswer& answer, const Endpoints& ends, const std::string& exemption) {
  if (!exemption.empty()) return exemption;
  if (!answer.egress.allowed) return answer.egress.reason;
  if (!answer.ingress.allowed) return answer.ingress.reason;
  if (ends.from.kind != Kind::kPod) return answer.ingress.reason;
  if (ends.to.kind != Kind::kPod) return answer.egress.reason;
  return fmt::format("{}, and {}", answer.egress.reason, answer.ingress.reason);
}

}  // namespace

std::optional<FlowAnswer> Evaluate(const Cluster& cluster, const FlowQuery& query,
                                   const EvaluateOptions& options, std::string* error) {
  const std::optional<Endpoints> ends = ResolveEndpoints(cluster, query, error);
  if (!ends) return std::nullopt;
  const std::string exemption = Exemption(*ends, options);

  Question egress;
  egress.cluster = &cluster;
  egress.ingress = false;
  egress.pod = ends->from.pod;
  egress.peer = &ends->to;
  egress.destination = ends->to.pod;
  egress.protocol = query.protocol;
  egress.port = query.port;
  egress.family = ends->family;

  Question ingress = egress;
  ingress.ingress = true;
  ingress.pod = ends->to.pod;
  ingress.peer = &ends->from;

  FlowAnswer answer;
  answer.family = ends->family;
  answer.egress = Judge(egress, ends->from, exemption);
  answer.ingress = Judge(ingress, ends->to, exemption);
  answer.allowed = answer.egress.allowed && answer.ingress.allowed;
  answer.reason = Summary(answer, *ends, exemption);
  return answer;
}

}  // namespace podgate::compiler
