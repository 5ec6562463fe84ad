#include "controller/agent/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/base/memory_trim.h"

namespace podgate::controller {
namespace {

constexpr std::chrono::seconds kMeasureEvery{1};
// The first rules wait no longer for the pods' further addresses, whatever keeps the kernel from
// telling them.
constexpr std::chrono::seconds kAddressPatience{2};
// One class each time, which costs up to some tenths of a second, mostly for nothing, while others'
// changes wait: a thousandth of the time at most.
constexpr std::chrono::seconds kRetryRefusedEvery{10};
constexpr int kRetryRefusedRest = 1000;
constexpr std::chrono::minutes kRetryRefusedAtLeastEvery{2};
// Policies of one class that hear of it.
constexpr std::size_t kOverBudgetEvents = 8;

double Seconds(Clock::Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Loop::Loop(Options options, nft::Kernel* kernel, Clock* clock, Logger* log, LoopSeams seams)
    : options_(std::move(options)),
      kernel_(kernel),
      clock_(clock),
      log_(log),
      seams_(seams),
      pipeline_(options_.node, options_.compile, options_.limits),
      store_(options_.node, options_.own_pods, &pipeline_, clock, log, seams_.events),
      applier_(&pipeline_.ruleset(), kernel, seams_.monitor, clock, log, seams_.events,
               options_.node_renamed || options_.dry_run ? std::string() : options_.node),
      contests_(options_.node, log, seams_.events),
      released_(seams_.node_lookup == nullptr) {
  if (seams_.netdev != nullptr)
    source_guard_.emplace(options_.node, seams_.netdev, clock, log, seams_.events);
}

void Loop::Run(MessageQueue* queue) {
  constexpr std::chrono::milliseconds kIdle{1000};
  while (!queue->closed()) {
    Clock::Time next = std::min(applier_.NextAttempt(), store_.ending_namespaces().NextDue());
    if (source_guard_) next = std::min(next, source_guard_->NextAttempt());
    const auto due = std::chrono::ceil<std::chrono::milliseconds>(next - clock_->Now());
    Handle(queue->Take(std::clamp(due, std::chrono::milliseconds(0), kIdle)));
    Tick();
  }
}

void Loop::Handle(std::vector<Message> messages) {
  Clock::Time oldest = clock_->Now();
  bool listed = false;
  for (Message& message : messages) {
    oldest = std::min(oldest, message.received);
    const bool is_list = message.type == Message::Type::kListed;
    listed = listed || is_list;
    if (!is_list && !message.of_this_node) ++stats_.events.at(PlaceOf(message.kind));
    stale_ = store_.Apply(std::move(message)) || stale_;
  }
  messages = {};
  CheckNode();
  FollowKernel();
  LearnAddresses();
  if (MayUpdate()) UpdateAndApply(oldest);
  if (listed) TrimListMemory();
}

void Loop::Tick() {
  stale_ = store_.ending_namespaces().Tick() || stale_;
  CheckNode();
  FollowKernel();
  LearnAddresses();
  if (MayUpdate()) UpdateAndApply(clock_->Now());
  RetryRefused();
  const std::uint64_t steps_before = applier_.counters().steps;
  applier_.Tick();
  TellSourceGuard(steps_before);
  if (source_guard_ && clock_->Now() >= source_guard_->NextAttempt())
    WithSourceGuard([](SourceGuard* guard) { guard->Tick(); });
  TellNode();
  // A repair, or a change that did not come through at first: what was open meanwhile nobody knows.
  if (applier_.counters().steps != steps_before) FollowAllFlows();
  Announce();
  FollowFlows();
  TellPods();
  Report();
}

void Loop::CheckNode() {
  if (seams_.node_lookup == nullptr || !store_.complete()) return;
  const std::array<std::uint64_t, 3> made_of{seams_.node_lookup->answers(),
                                             pipeline_.host_changes(),
                                             pipeline_.counts().local_pods > 0 ? 1U : 0U};
  if (made_of[0] == 0 || judged_ == made_of) return;
  judged_ = made_of;
  const NodeLookup::Report found = seams_.node_lookup->report();
  node_verdict_ = JudgeNode(options_.node, {.object = found.object,
                                            .machine = found.machine,
                                            .named_by_pods = made_of[2] > 0,
                                            .host_addresses = pipeline_.HostAddresses(),
                                            .other_node = pipeline_.OtherNodeAt(found.machine)});
  seams_.node_lookup->SetUrgent(node_verdict_.stops());
  // A dry run writes nothing, and may well be made on another machine.
  released_ = released_ || !node_verdict_.stops() || options_.dry_run;
}

bool Loop::MayUpdate() {
  if (!stale_ || !store_.complete() || !released_) return false;
  if (seams_.address_watch == nullptr || learnt_ > 0) return true;
  const Clock::Time now = clock_->Now();
  if (!asked_addresses_) {
    asked_addresses_ = now;
    TellPods();
  }
  return now - *asked_addresses_ >= kAddressPatience;
}

void Loop::LearnAddresses() {
  if (seams_.address_watch == nullptr || learnt_ == seams_.address_watch->looks()) return;
  learnt_ = seams_.address_watch->looks();
  FurtherAddresses found = seams_.address_watch->found();
  stale_ = store_.further().Learn(found) || stale_;
  WithSourceGuard([this](SourceGuard* guard) {
    if (released_) guard->Follow(seams_.address_watch->link_owners());
  });
  broadcast_ = std::move(found.broadcast);
  if (seams_.bridge_guard != nullptr) seams_.bridge_guard->SetFurtherUse(std::move(found.bridges));
}

// Its commits are nobody else's, though they are not the applier's.
void Loop::WithSourceGuard(const std::function<void(SourceGuard*)>& act) {
  if (!source_guard_) return;
  const std::uint64_t before = source_guard_->applier().counters().steps;
  {
    const nft::MonitorAway away(applier_.listener());
    act(&*source_guard_);
  }
  applier_.CommittedElsewhere(source_guard_->applier().counters().steps - before);
}

void Loop::TellSourceGuard(std::uint64_t steps_before) {
  if (source_guard_) source_guard_->CommittedElsewhere(applier_.counters().steps - steps_before);
}

// What the rules may and must contain depends on the kernel, and changes while the agent runs.
void Loop::FollowKernel() {
  compiler::CompileOptions wanted = options_.compile;
  if (seams_.kernel_parts != nullptr) {
    seams_.kernel_parts->Look(applier_.counters().failures);
    wanted.log_denied = wanted.log_denied && seams_.kernel_parts->can_log();
  }
  if (seams_.ipvs != nullptr) wanted.ipvs = wanted.ipvs || seams_.ipvs->InUse();
  if (seams_.address_watch != nullptr) {
    wanted.groups = {*ipset::Prefix::Parse("224.0.0.0/3"), *ipset::Prefix::Parse("ff00::/8")};
    wanted.groups.insert(wanted.groups.end(), broadcast_.begin(), broadcast_.end());
  }
  stale_ = pipeline_.SetOptions(wanted) || stale_;
}

std::string Loop::NodeProblem() const {
  if (node_verdict_.stops()) return node_verdict_.problem;
  if (!applier_.other_table()) return {};
  const auto& [other, pods] = *applier_.other_table();
  const std::string isolated = pods == 1 ? "1 pod" : fmt::format("{} pods", pods);
  if (pipeline_.counts().local_pods == 0) {
    return fmt::format(
        "no pod of the cluster runs on node {}, and this kernel isolates {} under node {}: "
        "check --node, or give --node-renamed to take its table over",
        options_.node, isolated, other);
  }
  return fmt::format(
      "this kernel isolates {} under node {}, and the agent runs as node {}: check --node, or "
      "give --node-renamed to take the table over",
      isolated, other, options_.node);
}

void Loop::TellNode() {
  std::string problem = NodeProblem();
  if (problem == node_problem_) return;
  node_problem_ = std::move(problem);
  if (node_problem_.empty()) {
    log_->Info(LogMessages::kNodeFits, {{"node", options_.node}});
    return;
  }
  log_->Error(applier_.settled() ? LogMessages::kNodeNoLongerFits : LogMessages::kNodeDoesNotFit,
              {{"node", options_.node}, {"problem", node_problem_}});
  if (seams_.events == nullptr) return;
  ClusterEvent event;
  event.reason = "WrongNode";
  event.action = "KeepRules";
  event.note = fmt::format("The agent is not ready: {}. {}", node_problem_,
                           applier_.settled() ? "It keeps the rules up to date."
                                              : "It leaves the rules in the kernel as they are.");
  seams_.events->Tell(std::move(event));
}

void Loop::FollowAllFlows() {
  unfollowed_ = true;
  may_deny_.AddAll();
}

void Loop::FollowFlows() {
  if (seams_.terminator == nullptr) return;
  if (!applier_.settled()) {
    // Rules that are not in force yet judge nobody. What was open meanwhile is looked at when they
    // are, whoever puts them in force then.
    FollowAllFlows();
    return;
  }
  if (std::exchange(unfollowed_, false))
    seams_.terminator->PolicyChanged(std::exchange(may_deny_, {}));
  seams_.terminator->Serve(pipeline_.ruleset());
}

void Loop::Announce() {
  if (enforced_ || !applier_.settled()) return;
  enforced_ = true;
  const compiler::Pipeline::Counts counts = pipeline_.counts();
  log_->Info(options_.dry_run ? LogMessages::kDryRun : LogMessages::kPoliciesEnforced,
             {{"node", options_.node},
              {"local_pods", counts.local_pods},
              {"isolated", counts.isolated_pods},
              {"pods", counts.pods},
              {"namespaces", counts.namespaces},
              {"policies", counts.policies},
              {"steps", applier_.counters().steps}});
}

// False: the table cannot be read, so nothing can be written either.
bool Loop::RecallIsolation() {
  if (recalled_ || !store_.ending_namespaces().any_local()) return recalled_ = true;
  const auto table = kernel_->Read(pipeline_.ruleset().table);
  if (!table.ok()) {
    log_->Error(LogMessages::kTableUnreadable, {{"problem", table.status().message()}});
    return false;
  }
  if (table.value()) store_.ending_namespaces().Recall(*table.value());
  return recalled_ = true;
}

void Loop::UpdateAndApply(Clock::Time oldest) {
  if (!RecallIsolation()) return;
  stale_ = false;
  const std::uint64_t steps_before = applier_.counters().steps;
  const Clock::Time begun = clock_->Now();
  const nft::Change change = pipeline_.Update();
  for (const compiler::Pipeline::Refused& refused : pipeline_.TakeRefused()) TellRefused(refused);
  contests_.Follow(pipeline_);
  // Before the rules of a new owner count.
  const AddressHandover::Told handed_over = handover_.Follow(pipeline_);
  if (seams_.forgetter != nullptr) {
    seams_.forgetter->Forget(handed_over.changed);
    seams_.forgetter->Await(handed_over.taken);
  }
  const Clock::Time compiled = clock_->Now();
  unmeasured_ = unmeasured_ || !change.empty();
  if (!change.empty() || !applier_.settled())
    unsettled_since_ = std::min(unsettled_since_.value_or(oldest), oldest);
  unfollowed_ = unfollowed_ || !change.empty();
  if (!applier_.settled()) may_deny_.AddAll();
  const bool applied = applier_.Changed(change);
  TellSourceGuard(steps_before);
  const Clock::Time done = clock_->Now();
  if (seams_.terminator != nullptr && !may_deny_.all())
    may_deny_.Add(nft::ScopeOf(change, pipeline_.ruleset()));
  if (!applied) return;
  const auto microseconds = [](Clock::Duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  };
  const std::uint64_t steps = applier_.counters().steps - steps_before;
  stats_.compile.Observe(Seconds(compiled - begun));
  if (steps > 0) stats_.commit.Observe(Seconds(done - compiled));
  Announce();
  log_->Debug(LogMessages::kChangeApplied, {{"steps", steps},
                                            {"isolated_pods", pipeline_.counts().isolated_pods},
                                            {"waited_us", microseconds(begun - oldest)},
                                            {"compile_us", microseconds(compiled - begun)},
                                            {"commit_us", microseconds(done - compiled)}});
}

// Deletions of others may have made room for it.
void Loop::RetryRefused() {
  const Clock::Time begun = clock_->Now();
  if (begun < next_retry_ || !enforced_) return;
  if (pipeline_.RetryRefused()) UpdateAndApply(begun);
  const Clock::Duration took = clock_->Now() - begun;
  next_retry_ = begun + std::clamp<Clock::Duration>(kRetryRefusedRest * took, kRetryRefusedEvery,
                                                    kRetryRefusedAtLeastEvery);
}

void Loop::TellRefused(const compiler::Pipeline::Refused& refused) {
  const std::string what = compiler::Describe(refused.over);
  log_->LogAbout(refused.policies.front().ns, LogLevel::kError, LogMessages::kOverBudget,
                 {{"first", refused.policies.front().ToString()},
                  {"policies", refused.policies.size()},
                  {"what", what}});
  if (seams_.events == nullptr) return;
  const std::size_t told = std::min(refused.policies.size(), kOverBudgetEvents);
  for (std::size_t i = 0; i < told; ++i) {
    ClusterEvent event;
    event.about = ClusterEvent::About::kNetworkPolicy;
    event.key = refused.policies[i];
    event.reason = "OverBudget";
    event.action = "Isolate";
    event.note = fmt::format(
        "This policy allows nothing to some pods that it selects: the policies that select them "
        "({}) have {}. Use fewer.",
        refused.policies.size(), what);
    seams_.events->Tell(std::move(event));
  }
}

void Loop::TellPods() {
  if (!store_.complete() || !released_) return;
  if (told_local_changes_ == pipeline_.local_changes()) return;
  told_local_changes_ = pipeline_.local_changes();
  if (seams_.bridge_guard == nullptr && seams_.address_watch == nullptr) return;
  static_assert(BridgeGuard::kMaxPods == AddressWatch::kMaxPods);
  auto pods = pipeline_.LocalPods(BridgeGuard::kMaxPods);
  store_.further().TakeFrom(&pods);
  if (seams_.address_watch != nullptr) seams_.address_watch->SetPods(pods);
  if (seams_.bridge_guard != nullptr) seams_.bridge_guard->SetPods(std::move(pods));
}

void Loop::Report() {
  if (seams_.board == nullptr) return;
  const Clock::Time now = clock_->Now();
  if (unsettled_since_ && applier_.settled()) {
    stats_.event_to_commit.Observe(Seconds(now - *unsettled_since_));
    unsettled_since_.reset();
  }
  // Looks at each set and chain.
  if (unmeasured_ && now >= next_measuring_) {
    unmeasured_ = false;
    next_measuring_ = now + kMeasureEvery;
    stats_.size = SizeOf(pipeline_.ruleset());
  }
  const compiler::Pipeline::Counts counts = pipeline_.counts();
  stats_.turned = now;
  for (std::size_t i = 0; i < kWatched.size(); ++i)
    stats_.listed.at(i) = store_.listed(kWatched.at(i));
  stats_.settled = applier_.settled();
  stats_.node_problem = node_problem_;
  if (seams_.node_lookup != nullptr && store_.complete() && !judged_) {
    stats_.node_problem =
        fmt::format("the agent has not asked yet whether node {} is this machine", options_.node);
  }
  if (seams_.kernel_parts != nullptr) {
    stats_.missing_parts = seams_.kernel_parts->needed();
    stats_.missing_optional_parts = seams_.kernel_parts->optional();
  }
  stats_.applied = applier_.counters();
  stats_.guarded_links =
      source_guard_ && source_guard_->applier().settled() ? source_guard_->links() : 0;
  stats_.policies = counts.policies;
  stats_.broken_policies = store_.broken_policies();
  stats_.pods = counts.pods;
  stats_.local_pods = counts.local_pods;
  stats_.isolated_pods = counts.isolated_pods;
  stats_.contested_addresses = pipeline_.contested().size();
  seams_.board->Post(stats_);
}

}  // namespace podgate::controller
