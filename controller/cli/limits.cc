#include "controller/cli/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "controller/watch/resource.h"

namespace podgate::controller {
namespace {

constexpr std::size_t kMiB = 1u << 20;
// More than any container has, and far from where sums would overflow.
constexpr std::size_t kMost = 1'000'000'000;
constexpr std::uint64_t kShareOfMemory = 8;
constexpr std::size_t kShareOfNamespace = 4;
// An element costs kernel and agent up to 700 bytes together. What a namespace may have in any case
// is a part of what all may have.
constexpr std::uint64_t kMemoryForAnElement = 1400;
constexpr std::uint64_t kMemoryForANamespacesElement = 4096;

struct Name {
  const char* name;
  std::optional<std::size_t> LimitOptions::*value;
};
constexpr std::array<Name, 5> kNames{{{"policies", &LimitOptions::policies},
                                      {"policy-mib", &LimitOptions::policy_mib},
                                      {"pod-mib", &LimitOptions::pod_mib},
                                      {"sets", &LimitOptions::sets},
                                      {"elements", &LimitOptions::elements}}};

void FitInto(std::optional<std::uint64_t> memory, KnownObjects::Limits* limits) {
  if (memory) limits->bytes = std::min<std::uint64_t>(limits->bytes, *memory / kShareOfMemory);
  limits->namespace_bytes = std::min(limits->namespace_bytes, limits->bytes / kShareOfNamespace);
}

void Raise(std::optional<std::size_t> mib, KnownObjects::Limits* limits) {
  if (!mib) return;
  limits->namespace_bytes = *mib * kMiB;
  limits->bytes = std::max(limits->bytes, limits->namespace_bytes);
}

}  // namespace

std::string ParseLimits(const std::string& text, LimitOptions* options) {
  std::istringstream stream(text);
  for (std::string each; std::getline(stream, each, ',');) {
    const std::size_t equals = each.find('=');
    const std::string name = each.substr(0, equals);
    const auto known = std::find_if(kNames.begin(), kNames.end(),
                                    [&](const Name& one) { return name == one.name; });
    if (known == kNames.end() || equals == std::string::npos) {
      std::string names;
      for (const Name& one : kNames) names.append(names.empty() ? "" : ", ").append(one.name);
      return fmt::format("'{}' is not a limit: give NAME=NUMBER with one of the names {}", each,
                         names);
    }
    std::size_t number = 0;
    const char* const end = each.data() + each.size();
    const auto [behind, error] = std::from_chars(each.data() + equals + 1, end, number);
    if (error != std::errc() || behind != end || number == 0 || number > kMost) {
      return fmt::format("'{}' is not a limit: give a number from 1 to {}", each, kMost);
    }
    options->*known->value = number;
  }
  return {};
}

Limits LimitsFor(std::optional<std::uint64_t> memory, const LimitOptions& options) {
  Limits limits{kNamespaces.limits, kNetworkPolicies.limits, kPodLimits, {}};
  FitInto(memory, &limits.policies);
  FitInto(memory, &limits.pods);
  if (memory) {
    // Namespaces are made by administrators: they have no shares.
    limits.namespaces.bytes =
        std::min<std::uint64_t>(limits.namespaces.bytes, *memory / kShareOfMemory);
    limits.namespaces.namespace_bytes = limits.namespaces.bytes;
    limits.rules.elements =
        std::min<std::uint64_t>(limits.rules.elements, *memory / kMemoryForANamespacesElement);
    limits.rules.total_elements = *memory / kMemoryForAnElement;
  }
  Raise(options.policy_mib, &limits.policies);
  Raise(options.pod_mib, &limits.pods);
  limits.policies.namespace_objects = options.policies.value_or(limits.policies.namespace_objects);
  limits.policies.objects = std::max(limits.policies.objects, limits.policies.namespace_objects);
  limits.rules.sets = options.sets.value_or(limits.rules.sets);
  limits.rules.elements = options.elements.value_or(limits.rules.elements);
  return limits;
}

}  // namespace podgate::controller
