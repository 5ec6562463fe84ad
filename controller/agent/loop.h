// The agent's one thread that decides: takes messages, lets the pipeline follow them and has what
// that changes in the node's ruleset applied. Nothing is written to the kernel before all kinds are
// listed; until then the rules that an earlier run left behind stay in force. No fixed delays: what
// has queued while a commit ran goes into the next. The same holds while the agent's name is not
// that of this machine, or the table is another node's. Once rules are written they are kept up to
// date, whatever is learnt of the name: nothing opens because of it. The first rules also wait a
// moment for the addresses that pods have beside those of their statuses: those of an earlier run
// cover them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/codegen/compile.h"
#include "compiler/incremental/pipeline.h"
#include "controller/agent/address_handover.h"
#include "controller/agent/agent_stats.h"
#include "controller/agent/applier.h"
#include "controller/agent/contest_report.h"
#include "controller/agent/flow_forgetter.h"
#include "controller/agent/flow_terminator.h"
#include "controller/agent/queue.h"
#include "controller/agent/source_guard.h"
#include "controller/agent/store.h"
#include "controller/node/address_watch.h"
#include "controller/node/bridge_guard.h"
#include "controller/node/ipvs_watch.h"
#include "controller/node/kernel_parts.h"
#include "controller/node/node_lookup.h"
#include "controller/node/node_verdict.h"

namespace podgate::controller {

// What the loop works with besides; all of it outlives the loop.
struct LoopSeams {
  FlowTerminator* terminator = nullptr;  // nullptr: established flows are left alone
  FlowForgetter* forgetter = nullptr;    // nullptr: flows of addresses that changed hands stay
  nft::Monitor* monitor = nullptr;       // see applier.h
  AgentStatsBoard* board = nullptr;      // nullptr: nobody asks, as for the next two
  BridgeGuard* bridge_guard = nullptr;
  EventSink* events = nullptr;
  NodeLookup* node_lookup = nullptr;      // nullptr: the node's name is believed
  AddressWatch* address_watch = nullptr;  // nullptr: pods have the addresses of their statuses only
  KernelParts* kernel_parts = nullptr;    // nullptr: the kernel is taken to have them all
  IpvsWatch* ipvs = nullptr;              // nullptr: the options decide
  nft::Kernel* netdev = nullptr;          // for the source guard; nullptr: there is none
};

class Loop {
 public:
  struct Options {
    std::string node;
    compiler::CompileOptions compile;
    bool dry_run = false;       // the kernel is one that only prints
    bool node_renamed = false;  // a table of another node is taken over
    bool own_pods = false;      // the stream of this node's pods is read too
    compiler::NamespaceLimits limits{};
  };
  Loop(Options options, nft::Kernel* kernel, Clock* clock, Logger* log, LoopSeams seams = {});

  // Until the queue is closed.
  void Run(MessageQueue* queue);

  // One turn: all messages that wait, then at most one update and its commits.
  void Handle(std::vector<Message> messages);
  // What is due without a message: retries and checks, and what the terminator asks.
  void Tick();

  const compiler::Pipeline& pipeline() const { return pipeline_; }
  const Applier& applier() const { return applier_; }

 private:
  void CheckNode();
  bool MayUpdate();
  void LearnAddresses();
  void WithSourceGuard(const std::function<void(SourceGuard*)>& act);
  void TellSourceGuard(std::uint64_t steps_before);
  void FollowKernel();
  void TellNode();
  std::string NodeProblem() const;
  bool RecallIsolation();
  void UpdateAndApply(Clock::Time oldest);
  void RetryRefused();
  void TellRefused(const compiler::Pipeline::Refused& refused);
  void Announce();
  void FollowAllFlows();
  void FollowFlows();
  void TellPods();
  void Report();

  const Options options_;
  nft::Kernel* const kernel_;
  Clock* const clock_;
  Logger* const log_;
  const LoopSeams seams_;
  compiler::Pipeline pipeline_;
  Store store_;
  Applier applier_;
  std::optional<SourceGuard> source_guard_;
  ContestReport contests_;
  AddressHandover handover_;
  // What the verdict was made of: answers, host changes, whether there are local pods.
  std::optional<std::array<std::uint64_t, 3>> judged_;
  NodeVerdict node_verdict_;
  bool recalled_ = false;     // what the table said at the start of namespaces that end
  std::uint64_t learnt_ = 0;  // looks of the address watch that the pods follow
  std::optional<Clock::Time> asked_addresses_;  // when the address watch first heard of the pods
  bool released_ = false;  // the name was found to be right or was believed: rules are written
  std::vector<ipset::Prefix> broadcast_;  // of the pods' bridges
  std::string node_problem_;              // that was told last; empty: none
  bool stale_ = false;      // the cluster changed since the ruleset was last brought up to date
  bool unfollowed_ = true;  // there are new rules that the flows have not been told of,
  nft::FlowScope may_deny_ = nft::FlowScope::All();  // and they could deny these
  bool enforced_ = false;  // the first ruleset is in the kernel, and it was logged
  // When the oldest event was read that the kernel does not follow yet.
  std::optional<Clock::Time> unsettled_since_;
  bool unmeasured_ = false;     // the ruleset changed since its size was taken
  Clock::Time next_measuring_;  // no sooner
  Clock::Time next_retry_;      // of what was refused; no sooner
  LoopStats stats_;
  std::optional<std::uint64_t> told_local_changes_;  // when the bridge_guard and the address watch
                                                     // were last told of the pods
};

}  // namespace podgate::controller
