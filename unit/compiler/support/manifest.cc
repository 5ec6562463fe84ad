#include "unit/compiler/support/manifest.h"

#include <nlohmann/json.hpp>

namespace podgate::compiler::test {
namespace {

using Json = nlohmann::ordered_json;

Json Metadata(const ObjectKey& key, const std::string& uid, const Labels& labels) {
  Json json = {{"name", key.name}};
  if (!key.ns.empty()) json["namespace"] = key.ns;
  if (!uid.empty()) json["uid"] = uid;
  for (const auto& [name, value] : labels) json["labels"][name] = value;
  return json;
}

Json Selector(const LabelSelector& selector) {
  static const char* const kOperators[] = {"In", "NotIn", "Exists", "DoesNotExist"};
  Json json = Json::object();
  for (const Requirement& r : selector.requirements) {
    Json item = {{"key", r.key}, {"operator", kOperators[static_cast<int>(r.op)]}};
    if (!r.values.empty()) item["values"] = r.values;
    json["matchExpressions"].push_back(item);
  }
  return json;
}

Json Peer(const PolicyPeer& peer) {
  Json json = Json::object();
  if (peer.pods) json["podSelector"] = Selector(*peer.pods);
  if (peer.namespaces) json["namespaceSelector"] = Selector(*peer.namespaces);
  if (peer.block) {
    json["ipBlock"]["cidr"] = peer.block->cidr.ToString();
    for (const ipset::Prefix& except : peer.block->except) {
      json["ipBlock"]["except"].push_back(except.ToString());
    }
  }
  return json;
}

Json Port(const PolicyPort& port) {
  Json json = {{"protocol", ToString(port.protocol)}};
  if (port.number) json["port"] = *port.number;
  if (!port.name.empty()) json["port"] = port.name;
  if (port.end) json["endPort"] = *port.end;
  return json;
}

Json Rules(const std::vector<PolicyRule>& rules, const char* peers) {
  Json json = Json::array();
  for (const PolicyRule& rule : rules) {
    const bool nothing =
        (!rule.any_peer && rule.peers.empty()) || (!rule.any_port && rule.ports.empty());
    Json item = Json::object();
    for (const PolicyPeer& peer : rule.peers) item[peers].push_back(Peer(peer));
    for (const PolicyPort& port : rule.ports) item["ports"].push_back(Port(port));
    if (nothing) {  // no namespace has this label: nobody is allowed
      item[peers] = Json::array();
      item[peers].push_back({{"namespaceSelector", {{"matchLabels", {{"unreadable", "rule"}}}}}});
    }
    json.push_back(item);
  }
  return json;
}

Json PodJson(const Pod& pod) {
  Json json = {
      {"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", Metadata(pod.key, pod.uid, pod.labels)}};
  if (!pod.created.empty()) json["metadata"]["creationTimestamp"] = pod.created;
  Json& spec = json["spec"] = Json::object();
  if (!pod.node.empty()) spec["nodeName"] = pod.node;
  if (pod.host_network) spec["hostNetwork"] = true;
  Json container = {{"name", "c"}, {"image", "none"}};
  for (const NamedPort& port : pod.ports) {
    container["ports"].push_back(
        {{"name", port.name}, {"protocol", ToString(port.protocol)}, {"containerPort", port.port}});
  }
  spec["containers"].push_back(container);
  Json& status = json["status"] = {{"phase", pod.finished ? "Succeeded" : "Running"}};
  for (const Address& address : pod.addresses) {
    if (!status.contains("podIP")) status["podIP"] = address.ToString();
    status["podIPs"].push_back({{"ip", address.ToString()}});
  }
  for (const Address& address : pod.host_addresses) {
    if (!status.contains("hostIP")) status["hostIP"] = address.ToString();
    status["hostIPs"].push_back({{"ip", address.ToString()}});
  }
  return json;
}

Json PolicyJson(const NetworkPolicy& policy) {
  Json json = {{"apiVersion", "networking.k8s.io/v1"},
               {"kind", "NetworkPolicy"},
               {"metadata", Metadata(policy.key, policy.uid, {})}};
  Json& spec = json["spec"] = {{"podSelector", Selector(policy.pods)}};
  spec["policyTypes"] = Json::array();
  if (policy.isolates_ingress) spec["policyTypes"].push_back("Ingress");
  if (policy.isolates_egress) spec["policyTypes"].push_back("Egress");
  if (!policy.ingress.empty()) spec["ingress"] = Rules(policy.ingress, "from");
  if (!policy.egress.empty()) spec["egress"] = Rules(policy.egress, "to");
  return json;
}

}  // namespace

std::string Manifests(const Cluster& cluster) {
  std::string text;
  const auto add = [&](const Json& json) { text += "---\n" + json.dump() + "\n"; };
  for (const auto& [name, ns] : cluster.namespaces) {
    add({{"apiVersion", "v1"},
         {"kind", "Namespace"},
         {"metadata", Metadata({"", name}, "", ns.labels)}});
  }
  for (const auto& [key, pod] : cluster.pods) add(PodJson(pod));
  for (const auto& [key, policy] : cluster.policies) add(PolicyJson(policy));
  return text;
}

}  // namespace podgate::compiler::test
