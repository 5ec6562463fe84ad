// A cluster for tests, built in a line or two for each object. Short forms: labels "a=b,c", ports
// "web:80/tcp", keys "namespace/name". Every pod's node has the addresses 192.168.0.N and fd01::N
// when the node is "nN".
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/model/model.h"

namespace podgate::compiler::test {

inline ObjectKey KeyOf(std::string_view text) {
  const std::size_t slash = text.find('/');
  return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

inline Address At(std::string_view text) {
  const std::optional<Address> address = Address::Parse(text);
  if (!address) ADD_FAILURE() << "bad address in a test: " << text;
  return address.value_or(Address());
}

inline ipset::Prefix Cidr(std::string_view text) {
  const std::optional<ipset::Prefix> prefix = ipset::Prefix::Parse(text);
  if (!prefix) ADD_FAILURE() << "bad prefix in a test: " << text;
  return prefix.value_or(ipset::Prefix());
}

using Pairs = std::initializer_list<std::pair<const char*, const char*>>;

inline LabelSelector Select(Pairs match_labels) {
  LabelSelector selector;
  for (const auto& [key, value] : match_labels) {
    selector.requirements.push_back({key, Requirement::Operator::kIn, {value}});
  }
  return selector;
}

inline PolicyPeer PodsOf(const LabelSelector& pods) { return {pods, std::nullopt, std::nullopt}; }
inline PolicyPeer NamespacesOf(const LabelSelector& namespaces) {
  return {std::nullopt, namespaces, std::nullopt};
}
inline PolicyPeer Both(const LabelSelector& namespaces, const LabelSelector& pods) {
  return {pods, namespaces, std::nullopt};
}
inline PolicyPeer Block(std::string_view cidr, std::initializer_list<const char*> except = {}) {
  IpBlock block{Cidr(cidr), {}};
  for (const char* text : except) block.except.push_back(Cidr(text));
  return {std::nullopt, std::nullopt, block};
}

inline PolicyPort Port(std::uint16_t number, Protocol protocol = Protocol::kTcp) {
  return {protocol, number, std::nullopt, ""};
}
inline PolicyPort Range(std::uint16_t first, std::uint16_t last) {
  return {Protocol::kTcp, first, last, ""};
}
inline PolicyPort Whole(Protocol protocol) { return {protocol, std::nullopt, std::nullopt, ""}; }
inline PolicyPort Named(const char* name, Protocol protocol = Protocol::kTcp) {
  return {protocol, std::nullopt, std::nullopt, name};
}

// An empty list is an absent one.
inline PolicyRule RuleOf(std::vector<PolicyPeer> peers, std::vector<PolicyPort> ports) {
  PolicyRule rule;
  rule.any_peer = peers.empty();
  rule.any_port = ports.empty();
  rule.peers = std::move(peers);
  rule.ports = std::move(ports);
  return rule;
}

class World {
 public:
  Namespace& AddNamespace(const std::string& name, Pairs labels = {}) {
    Namespace& ns = cluster.namespaces[name];
    ns.name = name;
    for (const auto& [key, value] : labels) ns.labels.emplace_back(key, value);
    return ns;
  }
  Pod& AddPod(std::string_view key, const std::string& node, Pairs labels,
              std::initializer_list<const char*> addresses) {
    Pod& pod = cluster.pods[KeyOf(key)];
    pod.key = KeyOf(key);
    pod.uid = std::string(key);
    pod.node = node;
    for (const auto& [k, v] : labels) pod.labels.emplace_back(k, v);
    for (const char* address : addresses) pod.addresses.push_back(At(address));
    if (node.size() == 2 && node[0] == 'n') {
      pod.host_addresses = {At("192.168.0." + node.substr(1)), At("fd01::" + node.substr(1))};
    }
    return pod;
  }
  NetworkPolicy& AddPolicy(std::string_view key, const LabelSelector& pods = {}) {
    NetworkPolicy& policy = cluster.policies[KeyOf(key)];
    policy.key = KeyOf(key);
    policy.pods = pods;
    return policy;
  }
  // Isolates the pods for ingress (egress) and allows what the rules say.
  NetworkPolicy& Ingress(std::string_view key, const LabelSelector& pods,
                         std::vector<PolicyRule> rules) {
    NetworkPolicy& policy = AddPolicy(key, pods);
    policy.ingress = Numbered(std::move(rules));
    return policy;
  }
  NetworkPolicy& Egress(std::string_view key, const LabelSelector& pods,
                        std::vector<PolicyRule> rules) {
    NetworkPolicy& policy = AddPolicy(key, pods);
    policy.isolates_ingress = false;
    policy.isolates_egress = true;
    policy.egress = Numbered(std::move(rules));
    return policy;
  }

  Cluster cluster;

 private:
  static std::vector<PolicyRule> Numbered(std::vector<PolicyRule> rules) {
    for (std::size_t i = 0; i < rules.size(); ++i) rules[i].index = static_cast<std::uint32_t>(i);
    return rules;
  }
};

}  // namespace podgate::compiler::test
