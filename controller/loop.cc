#include "controller/loop.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

namespace podgate::controller {

Loop::Loop(Options options, nft::Kernel* kernel, Clock* clock, Logger* log, FlowCutter* cutter,
           nft::Monitor* monitor)
    : options_(std::move(options)),
      clock_(clock),
      log_(log),
      cutter_(cutter),
      pipeline_(options_.node, options_.compile),
      store_(&pipeline_, log),
      applier_(&pipeline_.ruleset(), kernel, monitor, clock, log) {}

void Loop::Run(MessageQueue* queue) {
  constexpr std::chrono::milliseconds kIdle{1000};
  while (!queue->closed()) {
    const auto due = std::chrono::duration_cast<std::chrono::milliseconds>(applier_.NextAttempt() -
                                                                           clock_->Now());
    Handle(queue->Take(std::clamp(due, std::chrono::milliseconds(0), kIdle)));
    Tick();
  }
}

void Loop::Handle(std::vector<Message> messages) {
  Clock::Time oldest = clock_->Now();
  bool listed = false;
  for (Message& message : messages) {
    oldest = std::min(oldest, message.received);
    listed = listed || message.type == Message::Type::kListed;
    stale_ = store_.Apply(std::move(message)) || stale_;
  }
  messages = {};
  if (stale_ && store_.complete()) UpdateAndApply(oldest);
  // A list leaves much behind that the allocator would keep.
  if (listed) ::malloc_trim(0);
}

void Loop::Tick() {
  const std::uint64_t steps_before = applier_.counters().steps;
  applier_.Tick();
  // A repair, or a change that did not come through at first: what was open meanwhile nobody knows.
  if (applier_.counters().steps != steps_before) unfollowed_ = may_deny_ = true;
  Announce();
  FollowFlows();
}

void Loop::FollowFlows() {
  if (cutter_ == nullptr) return;
  if (!applier_.settled()) {
    // Rules that are not in force yet judge nobody. What was open meanwhile is looked at when they
    // are, whoever puts them in force then.
    unfollowed_ = may_deny_ = true;
    return;
  }
  if (std::exchange(unfollowed_, false)) cutter_->PolicyChanged(std::exchange(may_deny_, false));
  cutter_->Serve(pipeline_.ruleset());
}

void Loop::Announce() {
  if (enforced_ || !applier_.settled()) return;
  enforced_ = true;
  const compiler::Pipeline::Counts counts = pipeline_.counts();
  log_->Info(
      options_.dry_run ? "nothing is enforced, changes are printed" : "policies are enforced",
      {{"node", options_.node},
       {"pods", counts.pods},
       {"namespaces", counts.namespaces},
       {"policies", counts.policies},
       {"steps", applier_.counters().steps}});
}

void Loop::UpdateAndApply(Clock::Time oldest) {
  stale_ = false;
  const std::uint64_t steps_before = applier_.counters().steps;
  const Clock::Time begun = clock_->Now();
  const nft::Change change = pipeline_.Update();
  const Clock::Time compiled = clock_->Now();
  unfollowed_ = unfollowed_ || !change.empty();
  may_deny_ = may_deny_ || !applier_.settled() || MayDeny(change);
  if (!applier_.Changed(change)) return;
  const Clock::Time done = clock_->Now();
  const auto microseconds = [](Clock::Duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  };
  const std::uint64_t steps = applier_.counters().steps - steps_before;
  Announce();
  log_->Debug("applied", {{"steps", steps},
                          {"isolated_pods", pipeline_.counts().isolated_pods},
                          {"waited_us", microseconds(begun - oldest)},
                          {"compile_us", microseconds(compiled - begun)},
                          {"commit_us", microseconds(done - compiled)}});
}

}  // namespace podgate::controller
