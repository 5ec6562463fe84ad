#include "controller/watch/object_size.h"

#include <variant>

namespace podgate::controller {
namespace {

// A string's own bytes are counted twice: a vector that grew, or a string that did, may have as
// much to spare.
std::size_t SizeOf(const std::string& text) { return sizeof text + 2 * text.size(); }

std::size_t SizeOf(const compiler::ObjectKey& key) { return SizeOf(key.ns) + SizeOf(key.name); }

std::size_t SizeOf(const compiler::Labels& labels) {
  std::size_t size = 0;
  for (const auto& [key, value] : labels) size += SizeOf(key) + SizeOf(value);
  return size;
}

std::size_t SizeOf(const compiler::LabelSelector& selector) {
  std::size_t size = 0;
  for (const compiler::Requirement& requirement : selector.requirements) {
    size += sizeof requirement + SizeOf(requirement.key);
    for (const std::string& value : requirement.values) size += SizeOf(value);
  }
  return size;
}

std::size_t SizeOf(const std::vector<compiler::PolicyRule>& rules) {
  std::size_t size = 0;
  for (const compiler::PolicyRule& rule : rules) {
    size += sizeof rule;
    for (const compiler::PolicyPeer& peer : rule.peers) {
      size += sizeof peer;
      if (peer.pods) size += SizeOf(*peer.pods);
      if (peer.namespaces) size += SizeOf(*peer.namespaces);
      if (peer.block) size += peer.block->except.size() * sizeof(ipset::Prefix);
    }
    for (const compiler::PolicyPort& port : rule.ports) size += sizeof port + SizeOf(port.name);
  }
  return size;
}

std::size_t SizeOf(const compiler::Pod& pod) {
  std::size_t size =
      sizeof pod + SizeOf(pod.key) + SizeOf(pod.uid) + SizeOf(pod.labels) + SizeOf(pod.node);
  size += (pod.addresses.size() + pod.host_addresses.size()) * sizeof(ipset::Address);
  for (const compiler::NamedPort& port : pod.ports) size += sizeof port + SizeOf(port.name);
  return size;
}

std::size_t SizeOf(const compiler::Namespace& ns) {
  return sizeof ns + SizeOf(ns.name) + SizeOf(ns.labels) + SizeOf(ns.uid);
}

std::size_t SizeOf(const compiler::NetworkPolicy& policy) {
  std::size_t size = sizeof policy + SizeOf(policy.key) + SizeOf(policy.uid) + SizeOf(policy.pods);
  size += SizeOf(policy.ingress) + SizeOf(policy.egress);
  for (const compiler::Diagnostic& error : policy.errors) {
    size += sizeof error + SizeOf(error.object) + SizeOf(error.field) + SizeOf(error.message);
  }
  return size;
}

}  // namespace

std::size_t SizeOf(const compiler::Object& object) {
  return std::visit([](const auto& known) { return SizeOf(known); }, object);
}

}  // namespace podgate::controller
