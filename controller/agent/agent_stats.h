// What the agent knows about its own state, for probes and metrics: plain values that the loop's
// thread posts after each turn and any other thread reads. Posting copies some hundred bytes under
// a mutex that nobody holds for longer than that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "compiler/decode/decode.h"
#include "controller/agent/applier.h"
#include "controller/base/clock.h"
#include "controller/base/histogram.h"
#include "nft/model/ruleset.h"

namespace podgate::controller {

// The kinds that are watched, in the order of every array about them.
inline constexpr std::array<compiler::Kind, 3> kWatched{
    compiler::Kind::kPod, compiler::Kind::kNamespace, compiler::Kind::kNetworkPolicy};
inline constexpr std::array<const char*, kWatched.size()> kWatchedNames{"pods", "namespaces",
                                                                        "networkpolicies"};
// Place of a kind in kWatched.
constexpr std::size_t PlaceOf(compiler::Kind kind) {
  return kind == compiler::Kind::kPod ? 0 : kind == compiler::Kind::kNamespace ? 1 : 2;
}

struct RulesetSize {
  std::uint64_t rules = 0;
  std::uint64_t sets = 0;  // maps too
  std::uint64_t elements = 0;
  std::uint64_t chains = 0;
};
RulesetSize SizeOf(const nft::Ruleset& ruleset);

struct LoopStats {
  Clock::Time turned;  // when the loop last went round
  std::array<bool, kWatched.size()> listed{};
  std::array<std::uint64_t, kWatched.size()> events{};  // objects that came, changed or went
  bool settled = false;                                 // the kernel holds what is wanted
  // Why the agent's name is not believed to be this machine's, or the table is another node's: a
  // sentence; empty: it is.
  std::string node_problem;
  // Sentences about what the kernel lacks; without the former nothing is enforced.
  std::vector<std::string> missing_parts;
  std::vector<std::string> missing_optional_parts;
  Applier::Counters applied;
  Histogram compile;          // from events to what changes in the ruleset
  Histogram commit;           // of that, to the kernel
  Histogram event_to_commit;  // from reading an event's bytes until the kernel has it
  RulesetSize size;
  std::uint64_t policies = 0;
  std::uint64_t broken_policies = 0;
  std::uint64_t pods = 0;
  std::uint64_t local_pods = 0;
  std::uint64_t isolated_pods = 0;
  std::uint64_t contested_addresses = 0;  // that several pods of the cluster claim
  std::uint64_t guarded_links = 0;        // by the source guard, in the kernel
};

// Any thread.
class AgentStatsBoard {
 public:
  // The loop is taken to have gone round now.
  explicit AgentStatsBoard(Clock::Time now) { stats_.turned = now; }
  void Post(const LoopStats& stats) {
    const std::lock_guard<std::mutex> lock(mutex_);
    stats_ = stats;
  }
  LoopStats Read() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return stats_;
  }

 private:
  mutable std::mutex mutex_;
  LoopStats stats_;
};

}  // namespace podgate::controller
