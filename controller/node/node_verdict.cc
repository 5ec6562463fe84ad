#include "controller/node/node_verdict.h"

#include <fmt/format.h>

#include <algorithm>

namespace podgate::controller {
namespace {

constexpr std::size_t kMostNamed = 4;

// Every machine has these; as addresses of a node they tell nothing.
bool IsLoopback(const ipset::Address& address) {
  return address.family() == ipset::Family::kIPv4 ? address.bytes()[0] == 127
                                                  : address == *ipset::Address::Parse("::1");
}

nft::Addresses Telling(nft::Addresses addresses) {
  std::erase_if(addresses, IsLoopback);
  return addresses;
}

bool AnyOf(const nft::Addresses& addresses, const nft::Addresses& machine) {
  return std::any_of(addresses.begin(), addresses.end(), [&](const ipset::Address& address) {
    return std::binary_search(machine.begin(), machine.end(), address);
  });
}

std::string List(const nft::Addresses& addresses) {
  std::string text;
  for (std::size_t i = 0; i < std::min(addresses.size(), kMostNamed); ++i)
    text += (i == 0 ? "" : ", ") + addresses[i].ToString();
  return addresses.size() > kMostNamed ? text + ", ..." : text;
}

NodeVerdict Wrong(std::string problem) { return {NodeVerdict::Kind::kWrong, std::move(problem)}; }

std::string CheckName(const NodeEvidence& evidence) {
  return evidence.other_node.empty()
             ? "check --node"
             : fmt::format(
                   "check --node: by the addresses in its pods' statuses this machine is "
                   "node {}",
                   evidence.other_node);
}

}  // namespace

NodeVerdict JudgeNode(const std::string& node, const NodeEvidence& evidence) {
  using Kind = NodeVerdict::Kind;
  const nft::Addresses machine = Telling(evidence.machine);
  const bool comparable = !machine.empty();  // else they cannot be read
  const nft::Addresses of_node = Telling(evidence.object.addresses);
  if (comparable && !of_node.empty()) {
    if (AnyOf(of_node, machine)) return {Kind::kRight, {}};
    return Wrong(fmt::format("Node {} has the addresses {}, and this machine has none of them: {}",
                             node, List(of_node), CheckName(evidence)));
  }
  const nft::Addresses of_pods = Telling(evidence.host_addresses);
  if (AnyOf(of_pods, machine)) return {Kind::kRight, {}};
  if (comparable && !of_pods.empty()) {
    return Wrong(
        fmt::format("the pods of node {} run at the addresses {}, and this machine has none of "
                    "them: {}",
                    node, List(of_pods), CheckName(evidence)));
  }
  if (evidence.object.state == NodeObject::State::kAbsent && !evidence.named_by_pods) {
    return {Kind::kAbsent,
            fmt::format("the cluster has no Node {}: {}", node, CheckName(evidence))};
  }
  if (!evidence.other_node.empty()) {
    return Wrong(fmt::format("nothing in the cluster gives node {} an address of this machine: {}",
                             node, CheckName(evidence)));
  }
  return {};
}

}  // namespace podgate::controller
