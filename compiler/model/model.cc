#include "compiler/model/model.h"

#include <algorithm>
#include <set>

namespace podgate::compiler {

const std::string* FindLabel(const Labels& labels, const std::string& key) {
  const auto it =
      std::lower_bound(labels.begin(), labels.end(), key,
                       [](const auto& label, const auto& k) { return label.first < k; });
  return it != labels.end() && it->first == key ? &it->second : nullptr;
}

const char* ToString(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "TCP";
    case Protocol::kUdp:
      return "UDP";
    case Protocol::kSctp:
      return "SCTP";
  }
  return "?";
}

const char* ToString(Direction direction) {
  return direction == Direction::kIngress ? "ingress" : "egress";
}

std::vector<std::string> NodeNames(const Cluster& cluster) {
  std::set<std::string> names;
  for (const auto& [name, node] : cluster.nodes) names.insert(name);
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod.node.empty()) names.insert(pod.node);
  }
  return {names.begin(), names.end()};
}

std::string RuleName(const ObjectKey& policy, Direction direction, std::uint32_t index) {
  return policy.ToString() + ' ' + ToString(direction) + '[' + std::to_string(index) + ']';
}

std::string Describe(OverBudget over) {
  switch (over) {
    case OverBudget::kNo:
      break;
    case OverBudget::kPodSelectors:
      return "more than " + std::to_string(kMaxPodTerms) + " different pod selectors";
    case OverBudget::kPortPieces:
      return "more than " + std::to_string(kMaxPortPieces) + " port pieces times rules";
    case OverBudget::kNamespace:
      return "no room left among the sets and set elements of their namespace";
  }
  return "";
}

}  // namespace podgate::compiler
