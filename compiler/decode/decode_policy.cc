#include "compiler/decode/decode_policy.h"

#include <optional>
#include <utility>

#include "compiler/decode/decode_fields.h"
#include "compiler/decode/decode_selector.h"
#include "compiler/model/syntax.h"

namespace podgate::compiler {
namespace {

constexpr std::int64_t kMaxPort = 65535;

std::optional<std::uint16_t> ReadPortNumber(const TreeNode& node, const std::string& path,
                                            Problems* problems) {
  const auto number = ReadInteger(node, path, "a whole number from 1 to 65535", problems);
  if (!number) return std::nullopt;
  if (*number < 1 || *number > kMaxPort) {
    problems->Error(node.offset, path, "must be from 1 to 65535, found " + std::to_string(*number));
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(*number);
}

std::optional<Protocol> ReadProtocol(const TreeNode& node, const std::string& path,
                                     Problems* problems) {
  const auto text = ReadString(node, path, "TCP, UDP or SCTP", problems);
  if (!text) return std::nullopt;
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
    if (*text == ToString(protocol)) return protocol;
  }
  problems->Error(node.offset, path, "must be TCP, UDP or SCTP, found " + Quote(*text));
  return std::nullopt;
}

std::optional<PolicyPort> ReadPort(const TreeNode& node, const std::string& path,
                                   Problems* problems) {
  static constexpr std::array<std::string_view, 3> kNames = {"protocol", "port", "endPort"};
  const Fields<3> fields = ReadFields(node, path, kNames, problems);
  const auto [protocol, port, end] = fields.values;
  bool valid = fields.clean;
  PolicyPort result;
  if (protocol != nullptr) {
    if (const auto known = ReadProtocol(*protocol, Child(path, "protocol"), problems)) {
      result.protocol = *known;
    } else {
      valid = false;
    }
  }
  if (port != nullptr) {
    const std::string port_path = Child(path, "port");
    if (port->type == TreeNode::Type::kString) {
      if (const auto wrong = CheckPortName(port->text)) {
        problems->Error(port->offset, port_path, *wrong);
        valid = false;
      }
      result.name = port->text;
    } else {
      result.number = ReadPortNumber(*port, port_path, problems);
      valid = valid && result.number.has_value();
    }
  }
  if (end != nullptr) {
    const std::string end_path = Child(path, "endPort");
    result.end = ReadPortNumber(*end, end_path, problems);
    if (port == nullptr) {
      problems->Error(end->offset, end_path, "must be absent when port is absent");
      valid = false;
    } else if (port->type == TreeNode::Type::kString) {
      problems->Error(end->offset, end_path, "must be absent when port is a name");
      valid = false;
    } else if (!result.end) {
      valid = false;
    } else if (result.number && *result.end < *result.number) {
      problems->Error(end->offset, end_path,
                      "must be at least port, which is " + std::to_string(*result.number) +
                          ", found " + std::to_string(*result.end));
      valid = false;
    }
  }
  if (!valid) return std::nullopt;
  return result;
}

std::optional<ipset::Prefix> ReadCidr(const TreeNode& node, const std::string& path,
                                      Problems* problems) {
  static constexpr std::string_view kExpected =
      "an address block such as 10.0.0.0/8 or 2001:db8::/64";
  const auto text = ReadString(node, path, kExpected, problems);
  if (!text) return std::nullopt;
  const auto legacy = ipset::Prefix::ParseLegacy(*text);
  if (!legacy) {
    problems->Error(node.offset, path,
                    "must be " + std::string(kExpected) + ", found " + Quote(*text));
    return std::nullopt;
  }
  // Only servers before 1.36 stored such a form; it still means what it meant then.
  if (!legacy->note.empty()) {
    problems->Warning(node.offset, path,
                      Quote(*text) + " is read as " + legacy->prefix.ToString() + ": " +
                          legacy->note + "; API servers from 1.36 on refuse this form");
  }
  return legacy->prefix;
}

std::optional<IpBlock> ReadBlock(const TreeNode& node, const std::string& path,
                                 Problems* problems) {
  static constexpr std::array<std::string_view, 2> kNames = {"cidr", "except"};
  const Fields<2> fields = ReadFields(node, path, kNames, problems);
  const auto [cidr, except] = fields.values;
  if (node.type != TreeNode::Type::kObject) return std::nullopt;
  bool valid = fields.clean;
  IpBlock block;
  std::optional<ipset::Prefix> prefix;
  if (cidr == nullptr) {
    problems->Error(node.offset, Child(path, "cidr"),
                    "missing; expected an address block such as 10.0.0.0/8 or 2001:db8::/64");
  } else {
    prefix = ReadCidr(*cidr, Child(path, "cidr"), problems);
  }
  if (prefix) {
    block.cidr = *prefix;
  } else {
    valid = false;
  }
  if (except != nullptr) {
    const std::string list_path = Child(path, "except");
    const auto* list = ReadArray(*except, list_path, "a list of address blocks", problems);
    if (list == nullptr) return std::nullopt;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::string item_path = Index(list_path, i);
      const auto item = ReadCidr((*list)[i], item_path, problems);
      if (!item) {
        valid = false;
        continue;
      }
      if (prefix && (!prefix->Contains(*item) || prefix->length() >= item->length())) {
        problems->Error((*list)[i].offset, item_path,
                        "must lie within cidr " + prefix->ToString() +
                            " and be smaller than it, found " + item->ToString());
        valid = false;
      }
      block.except.push_back(*item);
    }
  }
  // An except that cannot be read would widen the block if the rest of it counted.
  if (!valid) return std::nullopt;
  return block;
}

std::optional<PolicyPeer> ReadPeer(const TreeNode& node, const std::string& path,
                                   Problems* problems) {
  static constexpr std::array<std::string_view, 3> kNames = {"podSelector", "namespaceSelector",
                                                             "ipBlock"};
  const Fields<3> fields = ReadFields(node, path, kNames, problems);
  const auto [pods, namespaces, block] = fields.values;
  if (node.type != TreeNode::Type::kObject && node.type != TreeNode::Type::kNull)
    return std::nullopt;
  bool valid = fields.clean;
  PolicyPeer peer;
  const auto read_selector = [&](const TreeNode* selector, std::string_view name) {
    SelectorReading reading = ReadSelector(*selector, Child(path, name), problems);
    // A superset would allow too much: the whole peer is left out.
    valid = valid && reading.clean;
    return std::move(reading.selector);
  };
  if (pods != nullptr) peer.pods = read_selector(pods, "podSelector");
  if (namespaces != nullptr) peer.namespaces = read_selector(namespaces, "namespaceSelector");
  if (block != nullptr) {
    peer.block = ReadBlock(*block, Child(path, "ipBlock"), problems);
    valid = valid && peer.block.has_value();
    if (pods != nullptr || namespaces != nullptr) {
      problems->Error(block->key_offset, path,
                      "must not have ipBlock together with podSelector or namespaceSelector");
      valid = false;
    }
  } else if (pods == nullptr && namespaces == nullptr && fields.clean) {
    problems->Error(node.offset, path,
                    "must have one of podSelector, namespaceSelector and ipBlock");
    valid = false;
  }
  if (!valid) return std::nullopt;
  return peer;
}

// Rules of one direction. Those that cannot be read are left out: they allow nothing.
void ReadRules(const TreeNode& node, const std::string& path, std::string_view peers_name,
               std::vector<PolicyRule>* rules, Problems* problems) {
  const auto* list = ReadArray(node, path, "a list of rules", problems);
  if (list == nullptr) return;
  const std::array<std::string_view, 2> names = {peers_name, "ports"};
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string rule_path = Index(path, i);
    const Fields<2> fields = ReadFields((*list)[i], rule_path, names, problems);
    const auto [peers, ports] = fields.values;
    PolicyRule rule;
    rule.index = static_cast<std::uint32_t>(i);
    rule.any_peer = peers == nullptr;
    rule.any_port = ports == nullptr;
    if (peers != nullptr) {
      const std::string peers_path = Child(rule_path, peers_name);
      if (const auto* items = ReadArray(*peers, peers_path, "a list of peers", problems)) {
        rule.any_peer = items->empty();
        for (std::size_t k = 0; k < items->size(); ++k) {
          auto peer = ReadPeer((*items)[k], Index(peers_path, k), problems);
          if (peer) rule.peers.push_back(std::move(*peer));
        }
      }
    }
    if (ports != nullptr) {
      const std::string ports_path = Child(rule_path, "ports");
      if (const auto* items = ReadArray(*ports, ports_path, "a list of ports", problems)) {
        rule.any_port = items->empty();
        for (std::size_t k = 0; k < items->size(); ++k) {
          auto port = ReadPort((*items)[k], Index(ports_path, k), problems);
          if (port) rule.ports.push_back(std::move(*port));
        }
      }
    }
    // A member that is not known may have been meant to narrow the rule ("form:" for "from:").
    if (fields.clean) rules->push_back(std::move(rule));
  }
}

// Returns false when the list cannot be relied on.
bool ReadPolicyTypes(const TreeNode& node, const std::string& path, NetworkPolicy* policy,
                     Problems* problems) {
  const auto* list = ReadArray(node, path, "a list of Ingress and Egress", problems);
  if (list == nullptr) return false;
  if (list->size() > 2) {
    problems->Error(node.offset, path,
                    "must have at most two entries, has " + std::to_string(list->size()));
    return false;
  }
  bool valid = true;
  policy->isolates_ingress = false;
  policy->isolates_egress = false;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string item_path = Index(path, i);
    const auto text = ReadString((*list)[i], item_path, "Ingress or Egress", problems);
    if (text && *text == "Ingress") {
      policy->isolates_ingress = true;
    } else if (text && *text == "Egress") {
      policy->isolates_egress = true;
    } else {
      if (text) {
        problems->Error((*list)[i].offset, item_path,
                        "must be Ingress or Egress, found " + Quote(*text));
      }
      valid = false;
    }
  }
  return valid;
}

void ReadSpec(const TreeNode& node, NetworkPolicy* policy, Problems* problems) {
  static constexpr std::array<std::string_view, 4> kNames = {"podSelector", "ingress", "egress",
                                                             "policyTypes"};
  const std::string path = "spec";
  const Fields<4> fields = ReadFields(node, path, kNames, problems);
  const auto [pods, ingress, egress, types] = fields.values;
  if (node.type != TreeNode::Type::kObject) {
    DenyAll(policy);
    return;
  }
  // A member that is not known may have been meant to be the selector.
  bool selection_known = pods != nullptr || fields.clean;
  if (pods != nullptr) {
    SelectorReading reading = ReadSelector(*pods, Child(path, "podSelector"), problems);
    policy->pods = std::move(reading.selector);
    selection_known = reading.clean;
  }
  if (ingress != nullptr) {
    ReadRules(*ingress, Child(path, "ingress"), "from", &policy->ingress, problems);
  }
  if (egress != nullptr) {
    ReadRules(*egress, Child(path, "egress"), "to", &policy->egress, problems);
  }
  if (!selection_known) {
    // Pods that it was never meant for are isolated too; what it allows must not open them where
    // another policy denies it.
    policy->ingress.clear();
    policy->egress.clear();
  }
  const bool types_given =
      types != nullptr && !(types->type == TreeNode::Type::kArray && types->children.empty());
  if (types_given) {
    if (!ReadPolicyTypes(*types, Child(path, "policyTypes"), policy, problems)) {
      policy->isolates_ingress = true;
      policy->isolates_egress = true;
    }
    return;
  }
  // The API's default. What cannot be read may have been egress rules, or this list: then both.
  const bool egress_empty =
      egress == nullptr || (egress->type == TreeNode::Type::kArray && egress->children.empty());
  policy->isolates_ingress = true;
  policy->isolates_egress = !egress_empty || !fields.clean;
}

void ReadMetadata(const TreeNode& node, bool manifest, Problems* problems) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "name",
      "generateName",
      "namespace",
      "selfLink",
      "uid",
      "resourceVersion",
      "generation",
      "creationTimestamp",
      "deletionTimestamp",
      "labels",
      "annotations",
      "deletionGracePeriodSeconds",
      "finalizers",
      "ownerReferences",
      "managedFields",
      "clusterName",
  };
  const std::string path = "metadata";
  const Fields<16> fields =
      ReadFields(node, path, kNames, problems, manifest ? Unknown::kError : Unknown::kIgnore);
  for (const std::size_t index : {std::size_t{0}, std::size_t{2}, std::size_t{4}}) {
    if (fields.values[index] != nullptr) {
      ReadString(*fields.values[index], Child(path, kNames[index]), "a string", problems);
    }
  }
  for (const std::size_t index : {std::size_t{9}, std::size_t{10}}) {
    const TreeNode* map = fields.values[index];
    if (map == nullptr || map->type == TreeNode::Type::kUnreadable) continue;
    const std::string map_path = Child(path, kNames[index]);
    if (map->type != TreeNode::Type::kObject) {
      problems->Error(map->offset, map_path,
                      "must be an object of strings, found " + Describe(*map));
      continue;
    }
    for (const TreeNode& member : map->children) {
      if (member.type != TreeNode::Type::kString && member.type != TreeNode::Type::kNull) {
        problems->Error(member.offset, map_path,
                        "the value of " + Quote(member.key) +
                            " must be a string (put it in quotes), found " + Describe(member));
      } else if (kNames[index] == "labels") {
        if (const auto wrong = CheckLabelKey(member.key)) {
          problems->Error(member.key_offset, map_path, *wrong);
        }
        if (const auto wrong = CheckLabelValue(member.text)) {
          problems->Error(member.offset, map_path, *wrong);
        }
      } else if (const auto wrong = CheckAnnotationKey(member.key)) {
        problems->Error(member.key_offset, map_path, *wrong);
      }
    }
  }
}

}  // namespace

void DenyAll(NetworkPolicy* policy) {
  policy->pods = {};
  policy->isolates_ingress = true;
  policy->isolates_egress = true;
  policy->ingress.clear();
  policy->egress.clear();
}

void ReadPolicy(const TreeNode& root, bool manifest, NetworkPolicy* policy, Problems* problems) {
  // `status` was there from 1.24 to 1.27; dumps of those clusters hold it.
  static constexpr std::array<std::string_view, 5> kNames = {"apiVersion", "kind", "metadata",
                                                             "spec", "status"};
  const Fields<5> fields =
      ReadFields(root, "", kNames, problems, manifest ? Unknown::kError : Unknown::kIgnore);
  if (fields.values[2] != nullptr) ReadMetadata(*fields.values[2], manifest, problems);
  if (fields.values[3] != nullptr) {
    ReadSpec(*fields.values[3], policy, problems);
  } else if (!fields.clean) {
    DenyAll(policy);  // the member that is not known may have been meant to be the spec
  }
}

}  // namespace podgate::compiler
