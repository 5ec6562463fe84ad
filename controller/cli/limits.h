// What one namespace may cost the agent, and all together: from the defaults, the memory that the
// agent may use, and --limits. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "compiler/incremental/namespace_budget.h"
#include "controller/watch/known_objects.h"

namespace podgate::controller {

// --limits, all of one namespace; nullopt: as the memory allows.
struct LimitOptions {
  std::optional<std::size_t> policies{};
  std::optional<std::size_t> policy_mib{};  // of the agent's memory
  std::optional<std::size_t> pod_mib{};     // names and labels beyond 4 KiB for each pod
  std::optional<std::size_t> sets{};        // of the rules for its pods on one node
  std::optional<std::size_t> elements{};    // of those sets together
};

// NAME=NUMBER,…; a name that is given again counts as it is said last. Empty, or the sentence that
// says what is wrong.
std::string ParseLimits(const std::string& text, LimitOptions* options);

struct Limits {
  KnownObjects::Limits namespaces;
  KnownObjects::Limits policies;
  KnownObjects::Limits pods;  // of either stream
  compiler::NamespaceLimits rules;
};

// `memory`: in bytes; nullopt: nothing limits it. What is kept of each kind may take an eighth of
// it, or 64 MiB, if that is less; a namespace's share is a quarter of that at most, so that several
// namespaces have to work together to have shares cut down.
Limits LimitsFor(std::optional<std::uint64_t> memory, const LimitOptions& options);

}  // namespace podgate::controller
