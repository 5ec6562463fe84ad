#include "compiler/reference/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

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
  if (from.kind == Kind::kPod && to.kind == Kind::kPod && from.address &&
      from.address == to.address) {
    return fmt::format("{} and {} have one address, and an address always reaches itself",
                       Describe(from), Describe(to));
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

// Who an end's packets may be from or to, as the rules of `node` see it.
std::vector<const Pod*> PodsOf(const Cluster& cluster, const Endpoint& end,
                               const std::string& node) {
  if (end.kind != Kind::kPod) return {};
  if (!end.address) return {end.pod};
  return OwnersOf(cluster, *end.address, node);
}

std::vector<const NetworkPolicy*> Isolating(const Question& question) {
  std::vector<const NetworkPolicy*> isolating;
  for (const auto& [key, policy] : question.cluster->policies) {
    if (reference::Isolates(policy, question)) isolating.push_back(&policy);
  }
  return isolating;
}

// The ports of the pod that its policies' ingress rules name.
std::set<NamedPort> NamedBy(const std::vector<const NetworkPolicy*>& policies, const Pod& pod) {
  std::set<NamedPort> named;
  for (const NetworkPolicy* policy : policies)
    for (const PolicyRule& rule : policy->ingress)
      for (const PolicyPort& port : rule.ports)
        for (const NamedPort& own : pod.ports)
          if (!port.number && port.name == own.name && port.protocol == own.protocol)
            named.insert(own);
  return named;
}

// One pod whose policies are asked.
struct Subject {
  const Pod* pod = nullptr;
  std::vector<const NetworkPolicy*> isolating{};
  std::set<NamedPort> named{};  // ingress
};

// Those of the pods of an end that the direction isolates.
std::vector<Subject> IsolatedOf(const std::vector<const Pod*>& pods, Question question) {
  std::vector<Subject> isolated;
  for (const Pod* pod : pods) {
    question.pod = pod;
    Subject subject{pod, Isolating(question), {}};
    if (question.ingress) subject.named = NamedBy(subject.isolating, *pod);
    if (!subject.isolating.empty()) isolated.push_back(std::move(subject));
  }
  return isolated;
}

// One direction of the query at one node; `self` is the end whose policies are asked, if it is a
// pod: those of `subjects`, whom its address means there.
SideAnswer Judge(Question question, const Endpoint& self, const std::vector<const Pod*>& subjects,
                 const std::string& exemption) {
  SideAnswer answer;
  const char* direction = question.ingress ? "ingress" : "egress";
  if (self.kind != Kind::kPod) {
    answer.reason = exemption.empty()
                        ? fmt::format("no policy applies to {} of {}", direction, Describe(self))
                        : exemption;
    return answer;
  }
  const std::vector<Subject> isolated = IsolatedOf(subjects, question);
  std::set<ObjectKey> policies;
  for (const Subject& subject : isolated)
    for (const NetworkPolicy* policy : subject.isolating) policies.insert(policy->key);
  answer.isolating.assign(policies.begin(), policies.end());
  answer.applies = !isolated.empty();
  if (!exemption.empty()) {
    answer.reason = exemption;
    return answer;
  }
  if (isolated.empty()) {
    answer.reason = fmt::format("no policy isolates {} for {}", Describe(self), direction);
    return answer;
  }
  const Subject& first = isolated.front();
  const bool differ = std::any_of(isolated.begin(), isolated.end(), [&](const Subject& other) {
    return other.isolating != first.isolating || other.named != first.named;
  });
  if (differ) {
    std::vector<const Pod*> pods;
    for (const Subject& subject : isolated) pods.push_back(subject.pod);
    answer.allowed = false;
    answer.reason = reference::DeniedByContest(pods, question);
    return answer;
  }
  // They are isolated alike: one of them stands for all.
  question.pod = first.pod;
  if (question.ingress) question.destinations = {first.pod};
  const std::vector<const NetworkPolicy*>& isolating = first.isolating;
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

// Pods that run on `node` and have the end's address, though the end is a pod of another node: the
// packet passes their rules there.
std::vector<const Pod*> ClaimantsAt(const Cluster& cluster, const Endpoint& end,
                                    const std::string& node) {
  std::vector<const Pod*> pods = PodsOf(cluster, end, node);
  if (node.empty() || end.node == node) pods.clear();
  std::erase_if(pods, [&node](const Pod* pod) { return pod->node != node; });
  return pods;
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
  egress.peer = &ends->to;
  egress.peer_pods = PodsOf(cluster, ends->to, ends->from.node);
  egress.destinations = egress.peer_pods;
  egress.protocol = query.protocol;
  egress.port = query.port;
  egress.family = ends->family;

  Question ingress = egress;
  ingress.ingress = true;
  ingress.peer = &ends->from;
  ingress.peer_pods = PodsOf(cluster, ends->from, ends->to.node);

  FlowAnswer answer;
  answer.family = ends->family;
  answer.egress =
      Judge(egress, ends->from, PodsOf(cluster, ends->from, ends->from.node), exemption);
  answer.ingress = Judge(ingress, ends->to, PodsOf(cluster, ends->to, ends->to.node), exemption);
  // Each node on the way polices every address that its own pods have.
  const bool polices_input = ends->to.kind == Kind::kPod || options.pod_to_node_enforce;
  if (const auto pods = ClaimantsAt(cluster, ends->from, ends->to.node);
      answer.egress.allowed && polices_input && !pods.empty()) {
    egress.peer_pods = egress.destinations = PodsOf(cluster, ends->to, ends->to.node);
    const SideAnswer there = Judge(egress, ends->from, pods, exemption);
    if (!there.allowed) answer.egress = there;
  }
  if (const auto pods = ClaimantsAt(cluster, ends->to, ends->from.node);
      answer.ingress.allowed && ends->from.kind == Kind::kPod && !pods.empty()) {
    ingress.peer_pods = PodsOf(cluster, ends->from, ends->from.node);
    const SideAnswer there = Judge(ingress, ends->to, pods, exemption);
    if (!there.allowed) answer.ingress = there;
  }
  answer.allowed = answer.egress.allowed && answer.ingress.allowed;
  answer.reason = Summary(answer, *ends, exemption);
  for (const Endpoint* end : {&ends->from, &ends->to}) {
    if (end->kind != Kind::kPod || !end->address) continue;
    const std::vector<const Pod*> claimants = ClaimantsOf(cluster, *end->address);
    if (claimants.size() < 2) continue;
    std::string sentence = reference::Contest(*end->address, claimants);
    if (answer.contested.empty() || answer.contested.front() != sentence)
      answer.contested.push_back(std::move(sentence));
  }
  return answer;
}

}  // namespace podgate::compiler
