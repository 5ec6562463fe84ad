// What others ask of the pipeline; nothing here changes it.
#include <algorithm>
#include <set>

#include "compiler/incremental/pipeline.h"

namespace podgate::compiler {

std::optional<Pod> Pipeline::FindPod(const ObjectKey& key) const {
  const PodRecord* record = pods_.Find(key);
  if (record == nullptr) return std::nullopt;
  return pods_.ToPod(*record);
}

std::vector<Pod> Pipeline::PodsAt(const Address& address) const {
  std::vector<Pod> pods;
  pods_.VisitClaimants(address,
                       [&](const PodRecord* record) { pods.push_back(pods_.ToPod(*record)); });
  std::sort(pods.begin(), pods.end());
  return pods;
}

Pipeline::Counts Pipeline::counts() const {
  return {.pods = pods_.size(),
          .namespaces = peers_.namespaces(),
          .policies = policies_.size(),
          .local_pods = all_local_.size(),
          .isolated_pods = locals_.size()};
}

std::vector<Pipeline::LocalPod> Pipeline::LocalPods(std::size_t most) const {
  std::vector<LocalPod> pods;
  for (const ObjectKey& key : all_local_) {
    if (pods.size() == most) break;
    const PodRecord* pod = pods_.Find(key);
    if (pod->is_there() && !pod->addresses.empty())
      pods.push_back({key, std::string(pod->uid()), pod->addresses});
  }
  return pods;
}

std::vector<Address> Pipeline::HostAddresses() const {
  std::set<Address> addresses;
  pods_.VisitHosts([&](const NodeHosts& hosts) {
    if (symbols_.Text(hosts.first) == node_)
      addresses.insert(hosts.second.begin(), hosts.second.end());
  });
  return {addresses.begin(), addresses.end()};
}

std::string Pipeline::OtherNodeAt(const std::vector<Address>& addresses) const {
  std::string other;
  pods_.VisitHosts([&](const NodeHosts& hosts) {
    const std::string& node = symbols_.Text(hosts.first);
    if (node.empty() || node == node_ || (!other.empty() && other < node)) return;
    const bool here = std::any_of(hosts.second.begin(), hosts.second.end(), [&](const Address& a) {
      return std::binary_search(addresses.begin(), addresses.end(), a);
    });
    if (here) other = node;
  });
  return other;
}

std::vector<Pod> Pipeline::LocalPodsIn(const std::string& ns) const {
  std::vector<Pod> pods;
  VisitLocalPodsIn(ns, [&](const ObjectKey&, const PodRecord& pod) {
    if (pod.is_there()) pods.push_back(pods_.ToPod(pod));
  });
  return pods;
}

bool Pipeline::SelectsLocal(const ObjectKey& policy) const {
  bool selects = false;
  VisitLocalPodsIn(policy.ns, [&](const ObjectKey&, const PodRecord& pod) {
    selects = selects || (pod.is_there() && policies_.Selects(policy, *pod.identity->labels));
  });
  return selects;
}

std::optional<NetworkPolicy> Pipeline::FindPolicy(const ObjectKey& key) const {
  return policies_.Find(key);
}

}  // namespace podgate::compiler
