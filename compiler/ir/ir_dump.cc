#include "compiler/ir/ir_dump.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "compiler/model/selector.h"

namespace podgate::compiler {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> Texts(const std::vector<Address>& addresses) {
  std::vector<std::string> result;
  for (const Address& address : addresses) result.push_back(address.ToString());
  return result;
}

std::vector<std::string> Texts(const std::vector<ObjectKey>& keys) {
  std::vector<std::string> result;
  for (const ObjectKey& key : keys) result.push_back(key.ToString());
  return result;
}

std::string Text(const NamedPort& port) {
  return fmt::format("{}={} {}", port.name, ToString(port.protocol), port.port);
}

std::vector<std::string> Texts(const std::vector<NamedPort>& ports) {
  std::vector<std::string> result;
  for (const NamedPort& port : ports) result.push_back(Text(port));
  return result;
}

std::string Text(const IrPeer& peer) {
  switch (peer.kind) {
    case IrPeer::Kind::kAny:
      return "anyone";
    case IrPeer::Kind::kPods:
      return peer.term.ToString();
    case IrPeer::Kind::kBlock:
      return peer.block.empty() ? "nobody" : "addresses " + peer.block.ToString();
  }
  return {};
}

std::string Text(const IrPort& port) {
  const char* protocol = ToString(port.protocol);
  switch (port.kind) {
    case IrPort::Kind::kAny:
      return "anything";
    case IrPort::Kind::kProtocol:
      return fmt::format("{}", protocol);
    case IrPort::Kind::kRange:
      if (port.first == port.last) return fmt::format("{} {}", protocol, port.first);
      return fmt::format("{} {}-{}", protocol, port.first, port.last);
    case IrPort::Kind::kNamed:
      return fmt::format("{} \"{}\"", protocol, port.name);
  }
  return {};
}

Json JsonOf(const NamedPort& port) {
  return {{"name", port.name}, {"protocol", ToString(port.protocol)}, {"port", port.port}};
}

Json JsonOf(const IrPeer& peer) {
  switch (peer.kind) {
    case IrPeer::Kind::kAny:
      return {{"kind", "any"}};
    case IrPeer::Kind::kPods: {
      Json json = {{"kind", "pods"}, {"term", peer.term.ToString()}};
      if (!peer.term.ns.empty()) {
        json["namespace"] = peer.term.ns;
      } else {
        json["namespaceSelector"] = ToString(peer.term.namespaces);
      }
      json["podSelector"] = ToString(peer.term.pods);
      return json;
    }
    case IrPeer::Kind::kBlock: {
      Json prefixes = Json::array();
      for (const ipset::Prefix& prefix : peer.block.Prefixes())
        prefixes.push_back(prefix.ToString());
      return {{"kind", "block"}, {"prefixes", prefixes}};
    }
  }
  return {};
}

Json JsonOf(const IrPort& port) {
  switch (port.kind) {
    case IrPort::Kind::kAny:
      return {{"kind", "any"}};
    case IrPort::Kind::kProtocol:
      return {{"kind", "protocol"}, {"protocol", ToString(port.protocol)}};
    case IrPort::Kind::kRange:
      return {{"kind", "range"},
              {"protocol", ToString(port.protocol)},
              {"first", port.first},
              {"last", port.last}};
    case IrPort::Kind::kNamed:
      return {{"kind", "named"}, {"protocol", ToString(port.protocol)}, {"name", port.name}};
  }
  return {};
}

template <typename T>
Json JsonOf(const std::vector<T>& values) {
  Json json = Json::array();
  for (const T& value : values) json.push_back(JsonOf(value));
  return json;
}

}  // namespace

std::string DumpText(const NodeIr& ir) {
  std::string out = fmt::format("node {}\n", ir.node);
  for (const IsolatedPod& pod : ir.pods) {
    out += fmt::format("pod {} at {}", pod.key.ToString(), fmt::join(Texts(pod.addresses), ", "));
    if (pod.ingress_class >= 0) out += fmt::format(", ingress class {}", pod.ingress_class);
    if (pod.egress_class >= 0) out += fmt::format(", egress class {}", pod.egress_class);
    out += '\n';
  }
  for (const SharedAddress& shared : ir.shared) {
    out += fmt::format("address {} of {}", shared.address.ToString(),
                       fmt::join(Texts(shared.pods), " and "));
    if (shared.ingress_class >= 0) out += fmt::format(", ingress class {}", shared.ingress_class);
    if (shared.egress_class >= 0) out += fmt::format(", egress class {}", shared.egress_class);
    out += '\n';
  }
  for (std::size_t i = 0; i < ir.classes.size(); ++i) {
    const PolicyClass& c = ir.classes[i];
    out += fmt::format("class {} {} by {}", i, ToString(c.direction),
                       fmt::join(Texts(c.policies), ", "));
    if (!c.resolved.empty()) out += fmt::format(" where {}", fmt::join(Texts(c.resolved), ", "));
    out += '\n';
    if (c.contested) out += "  nothing allowed: pods with one address, isolated differently\n";
    if (c.over_budget != OverBudget::kNo)
      out += fmt::format("  nothing allowed: {}\n", Describe(c.over_budget));
    for (const AllowEntry& entry : c.entries) {
      out += fmt::format("  {}\n", RuleName(entry.policy, c.direction, entry.rule));
      for (const IrPeer& peer : entry.peers)
        out += fmt::format("    {} {}\n", c.direction == Direction::kIngress ? "from" : "to",
                           Text(peer));
      for (const IrPort& port : entry.ports) out += fmt::format("    at {}\n", Text(port));
    }
  }
  for (const auto& [term, addresses] : ir.members) {
    out += fmt::format("members of {}\n", term.ToString());
    for (const Address& address : addresses) out += fmt::format("  {}\n", address.ToString());
  }
  if (!ir.named_ports.empty()) out += "named ports\n";
  for (const auto& [address, ports] : ir.named_ports)
    out += fmt::format("  {} {}\n", address.ToString(), fmt::join(Texts(ports), ", "));
  for (const ObjectKey& key : ir.without_address)
    out += fmt::format("without address {}\n", key.ToString());
  return out;
}

std::string DumpJson(const NodeIr& ir) {
  Json pods = Json::array();
  for (const IsolatedPod& pod : ir.pods) {
    Json json = {
        {"namespace", pod.key.ns}, {"name", pod.key.name}, {"addresses", Texts(pod.addresses)}};
    if (pod.ingress_class >= 0) json["ingressClass"] = pod.ingress_class;
    if (pod.egress_class >= 0) json["egressClass"] = pod.egress_class;
    pods.push_back(std::move(json));
  }
  Json shared = Json::array();
  for (const SharedAddress& one : ir.shared) {
    Json json = {{"address", one.address.ToString()}, {"pods", Texts(one.pods)}};
    if (one.ingress_class >= 0) json["ingressClass"] = one.ingress_class;
    if (one.egress_class >= 0) json["egressClass"] = one.egress_class;
    shared.push_back(std::move(json));
  }
  Json classes = Json::array();
  for (const PolicyClass& c : ir.classes) {
    Json entries = Json::array();
    for (const AllowEntry& entry : c.entries)
      entries.push_back({{"policy", entry.policy.ToString()},
                         {"direction", ToString(c.direction)},
                         {"index", entry.rule},
                         {"peers", JsonOf(entry.peers)},
                         {"ports", JsonOf(entry.ports)}});
    classes.push_back({{"direction", ToString(c.direction)},
                       {"policies", Texts(c.policies)},
                       {"resolvedPorts", JsonOf(c.resolved)},
                       {"entries", std::move(entries)}});
  }
  Json members = Json::object();
  for (const auto& [term, addresses] : ir.members) members[term.ToString()] = Texts(addresses);
  Json named = Json::object();
  for (const auto& [address, ports] : ir.named_ports) named[address.ToString()] = JsonOf(ports);
  const Json json = {{"apiVersion", "podgate/v1"},
                     {"kind", "NodeIR"},
                     {"node", ir.node},
                     {"pods", std::move(pods)},
                     {"sharedAddresses", std::move(shared)},
                     {"classes", std::move(classes)},
                     {"members", std::move(members)},
                     {"namedPorts", std::move(named)},
                     {"withoutAddress", Texts(ir.without_address)}};
  // Bytes that are no UTF-8 (a hostile name) are replaced, not fatal.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace podgate::compiler
