#include "controller/watch/object_size.h"

#include <variant>

namespace podgate::controller {
namespace {

// A string's own bytes are counted twice: a vector that grew, or a string that did, may have as
// much to spare.
std::size_t BytesOf(const std::string& text) { return sizeof text + 2 * text.size(); }

std::size_t BytesOf(const compiler::ObjectKey& key) { return BytesOf(key.ns) + BytesOf(key.name); }

std::size_t BytesOf(const compiler::Labels& labels) {
  std::size_t size = 0;
  for (const auto& [key, value] : labels) size += BytesOf(key) + BytesOf(value);
  return size;
}

std::size_t BytesOf(const compiler::LabelSelector& selector) {
  std::size_t size = 0;
  for (const compiler::Requirement& requirement : selector.requirements) {
    size += sizeof requirement + BytesOf(requirement.key);
    for (const std::string& value : requirement.values) size += BytesOf(value);
  }
  return size;
}

std::size_t BytesOf(const std::vector<compiler::PolicyRule>& rules) {
  std::size_t size = 0;
  for (const compiler::PolicyRule& rule : rules) {
    size += sizeof rule;
    for (const compiler::PolicyPeer& peer : rule.peers) {
      size += sizeof peer;
      if (peer.pods) size += BytesOf(*peer.pods);
      if (peer.namespaces) size += BytesOf(*peer.namespaces);
      if (peer.block) size += peer.block->except.size() * sizeof(ipset::Prefix);
    }
    for (const compiler::PolicyPort& port : rule.ports) size += sizeof port + BytesOf(port.name);
  }
  return size;
}

std::size_t BytesOf(const compiler::Pod& pod) {
  std::size_t size =
      sizeof pod + BytesOf(pod.key) + BytesOf(pod.uid) + BytesOf(pod.labels) + BytesOf(pod.node);
  size += (pod.addresses.size() + pod.host_addresses.size()) * sizeof(ipset::Address);
  for (const compiler::NamedPort& port : pod.ports) size += sizeof port + BytesOf(port.name);
  return size;
}

std::size_t BytesOf(const compiler::Namespace& ns) {
  return sizeof ns + BytesOf(ns.name) + BytesOf(ns.labels) + BytesOf(ns.uid);
}

std::size_t BytesOf(const compiler::NetworkPolicy& policy) {
  std::size_t size =
      sizeof policy + BytesOf(policy.key) + BytesOf(policy.uid) + BytesOf(policy.pods);
  size += BytesOf(policy.ingress) + BytesOf(policy.egress);
  for (const compiler::Diagnostic& error : policy.errors) {
    size += sizeof error + BytesOf(error.object) + BytesOf(error.field) + BytesOf(error.message);
  }
  return size;
}

}  // namespace

std::size_t SizeOf(const compiler::LabelSelector& selector) { return BytesOf(selector); }

std::size_t SizeOf(const compiler::Object& object) {
  return std::visit([](const auto& known) { return BytesOf(known); }, object);
}

}  // namespace podgate::controller
