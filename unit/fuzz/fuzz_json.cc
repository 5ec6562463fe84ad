// Fuzzes the decoder of what an API server sends. The first byte chooses what the rest is taken
// for: a list, a watch event or a status, and of which kind.
//
// What must hold besides not crashing: a policy with errors says so in its diagnostics too, labels
// and selectors are in canonical form, an object that is handed over has a name, and the same text
// decodes alike twice.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "compiler/decode/decode.h"
#include "compiler/model/selector.h"

namespace {

using namespace podgate::compiler;

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void CheckLabels(const Labels& labels) {
  for (std::size_t i = 1; i < labels.size(); ++i) {
    Require(labels[i - 1].first < labels[i].first, "labels are sorted and unique");
  }
}

void CheckSelector(const LabelSelector& selector) {
  LabelSelector canonical = selector;
  Canonicalise(&canonical);
  Require(canonical == selector, "selectors are canonical");
}

void CheckRules(const std::vector<PolicyRule>& rules) {
  for (const PolicyRule& rule : rules) {
    Require(!rule.any_peer || rule.peers.empty(), "any peer is no peer in particular");
    Require(!rule.any_port || rule.ports.empty(), "any port is no port in particular");
    for (const PolicyPeer& peer : rule.peers) {
      Require(peer.block.has_value() != (peer.pods.has_value() || peer.namespaces.has_value()),
              "a peer is a block or has selectors");
      if (peer.pods) CheckSelector(*peer.pods);
      if (peer.namespaces) CheckSelector(*peer.namespaces);
    }
    for (const PolicyPort& port : rule.ports) {
      Require(port.name.empty() || !port.number, "a port is a name or a number");
      Require(!port.end || (port.number && *port.end >= *port.number), "ranges are in order");
    }
  }
}

std::string Check(const Decoded& decoded) {
  std::string text;
  bool errors = false;
  for (const Diagnostic& diagnostic : decoded.diagnostics) {
    text += diagnostic.ToString() + "\n";
    errors = errors || diagnostic.severity == Diagnostic::Severity::kError;
  }
  if (!decoded.object) return text;
  if (const auto* pod = std::get_if<Pod>(&*decoded.object)) {
    Require(!pod->key.name.empty(), "a pod has a name");
    CheckLabels(pod->labels);
    text += pod->key.ToString();
  } else if (const auto* ns = std::get_if<Namespace>(&*decoded.object)) {
    Require(!ns->name.empty(), "a namespace has a name");
    CheckLabels(ns->labels);
    text += ns->name;
  } else if (const auto* policy = std::get_if<NetworkPolicy>(&*decoded.object)) {
    Require(!policy->key.name.empty(), "a policy has a name");
    Require(policy->errors.empty() != errors, "a broken policy is the one with errors");
    CheckSelector(policy->pods);
    CheckRules(policy->ingress);
    CheckRules(policy->egress);
    text += policy->key.ToString() + ToString(policy->pods);
  }
  return text;
}

std::string Decode(std::uint8_t what, std::string_view json) {
  const auto kind = static_cast<Kind>(what / 4 % 4);
  DecodeLimits limits;
  limits.object_bytes = 64u << 10;
  limits.policy_nodes = 1000;
  std::string text;
  switch (what % 4) {
    case 0:
    case 1: {
      const auto list = DecodeList(
          json, kind, [&](Decoded&& decoded) { text += Check(decoded); }, limits);
      if (const auto* problem = std::get_if<Diagnostic>(&list)) text += problem->ToString();
      break;
    }
    case 2: {
      const auto event = DecodeWatchEvent(json, kind, limits);
      if (const auto* problem = std::get_if<Diagnostic>(&event)) {
        text += problem->ToString();
      } else {
        text += Check(std::get<WatchEvent>(event).decoded);
      }
      break;
    }
    case 3:
      if (const auto status = DecodeStatus(json)) text += status->reason;
      break;
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string json(data + 1, data + size);
  Require(Decode(data[0], json) == Decode(data[0], json), "decoding is a function");
  return 0;
}
