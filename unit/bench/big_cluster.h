// Clusters of any size for benchmarks: one deployment per application in each namespace and one
// policy per application; the first 100 pods are on node "n1".
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "compiler/model/model.h"

namespace podgate::compiler {

inline LabelSelector Label(const std::string& key, const std::string& value) {
  return {.requirements = {{.key = key, .op = Requirement::Operator::kIn, .values = {value}}}};
}

inline PolicyPeer Peer(std::optional<LabelSelector> pods, std::optional<LabelSelector> namespaces) {
  return {.pods = std::move(pods), .namespaces = std::move(namespaces), .block = std::nullopt};
}

inline PolicyPort Port(Protocol protocol, std::uint16_t number,
                       std::optional<std::uint16_t> end = std::nullopt) {
  return {.protocol = protocol, .number = number, .end = end, .name = {}};
}

inline NetworkPolicy MakePolicy(int k, const std::string& ns, const std::string& app, int apps) {
  NetworkPolicy policy;
  policy.key = {ns, fmt::format("np{}", k)};
  policy.pods = Label("app", app);
  policy.isolates_egress = true;
  PolicyRule selectors;
  selectors.peers = {
      Peer(Label("app", fmt::format("a{}", (k * 7 + 1) % apps)), std::nullopt),
      Peer(Label("tier", fmt::format("t{}", k % 7)), Label("team", fmt::format("t{}", k % 5)))};
  selectors.ports = {
      Port(Protocol::kTcp, 8080),
      {.protocol = Protocol::kTcp, .number = std::nullopt, .end = std::nullopt, .name = "metrics"}};
  PolicyRule blocks;
  blocks.index = 1;
  blocks.peers = {
      {.pods = std::nullopt,
       .namespaces = std::nullopt,
       .block = IpBlock{*ipset::Prefix::Parse("10.0.0.0/8"),
                        {*ipset::Prefix::Parse("10.96.0.0/16"),
                         *ipset::Prefix::Parse(fmt::format("10.{}.0.0/16", k % 200))}}}};
  blocks.ports = {Port(Protocol::kTcp, 443), Port(Protocol::kTcp, 30000, 30100)};
  policy.ingress = {std::move(selectors), std::move(blocks)};
  PolicyRule dns;
  dns.peers = {Peer(std::nullopt, LabelSelector{})};
  dns.ports = {Port(Protocol::kUdp, 53), Port(Protocol::kTcp, 53)};
  PolicyRule backend;
  backend.index = 1;
  backend.peers = {Peer(Label("app", fmt::format("a{}", (k * 3 + 2) % apps)), std::nullopt)};
  backend.ports = {Port(Protocol::kTcp, 8080)};
  policy.egress = {std::move(dns), std::move(backend)};
  return policy;
}

inline Cluster MakeCluster(int pods, int policies) {
  constexpr int kLocal = 100;
  const int namespaces = std::max(20, pods / 500);
  const int apps = std::max(5, pods / namespaces / 5);
  Cluster cluster;
  for (int i = 0; i < namespaces; ++i) {
    const std::string name = fmt::format("ns{}", i);
    cluster.namespaces[name] = {
        name, {{"kubernetes.io/metadata.name", name}, {"team", fmt::format("t{}", i % 5)}}};
  }
  for (int i = 0; i < pods; ++i) {
    Pod pod;
    pod.key = {fmt::format("ns{}", i % namespaces), fmt::format("p{}", i)};
    pod.labels = {{"app", fmt::format("a{}", (i / namespaces) % apps)},
                  {"pod-template-hash", fmt::format("h{}", i % 53)},
                  {"tier", fmt::format("t{}", i % 7)}};
    pod.node = i < kLocal ? "n1" : fmt::format("far{}", i % 50);
    pod.created = "2026-01-01T00:00:00Z";
    pod.addresses = {Address::FromIPv4(0x0a640000u + static_cast<std::uint32_t>(i))};
    pod.ports = {{"http", Protocol::kTcp, 8080}, {"metrics", Protocol::kTcp, 9100}};
    cluster.pods.emplace(pod.key, pod);
  }
  for (int k = 0; k < policies; ++k) {
    const std::string ns = fmt::format("ns{}", k % namespaces);
    NetworkPolicy policy = MakePolicy(k, ns, fmt::format("a{}", (k / namespaces) % apps), apps);
    cluster.policies.emplace(policy.key, std::move(policy));
  }
  return cluster;
}

}  // namespace podgate::compiler
