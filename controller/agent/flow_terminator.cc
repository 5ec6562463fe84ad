#include "controller/agent/flow_terminator.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace podgate::controller {
namespace {

std::int64_t Microseconds(Clock::Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

// Tombstones that expire or are to be put anew are looked after together.
constexpr std::chrono::seconds kRenewEvery{1};

Clock::Time Now() { return std::chrono::steady_clock::now(); }

}  // namespace

FlowTerminator::FlowTerminator(nft::Conntrack* conntrack, NodeAddresses node_addresses, Logger* log,
                               std::function<void()> wake, double cpus,
                               std::function<Clock::Duration()> cpu_time)
    : conntrack_(conntrack),
      node_addresses_(std::move(node_addresses)),
      log_(log),
      wake_(std::move(wake)),
      cpus_(std::max(cpus, PassSchedule::kLeastCpus)),
      cpu_time_(std::move(cpu_time)),
      schedule_(cpus) {}

void FlowTerminator::Run() {
  for (;;) {
    const Work work = WaitForWork();
    switch (work.what) {
      case Work::What::kPass:
        MakeAndReport(work.pass);
        break;
      case Work::What::kRenewal:
        RenewTombstones();
        break;
      case Work::What::kStop:
        return;
    }
  }
}

void FlowTerminator::MakeAndReport(PassKind kind) {
  const Clock::Duration begun = cpu_time_();
  const Clock::Time wall_begun = Now();
  const Pass pass = MakePass(kind);
  const bool complete = pass.status.ok() && !pass.stopped;
  tombstones_known_ = tombstones_known_ || (complete && kind == PassKind::kFlows);
  // A pass that went first in the middle of this one has a cost of its own.
  const Clock::Duration whole = cpu_time_() - begun;
  const Clock::Duration own = whole - std::exchange(given_away_, {});
  Clock::Duration cost;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    cost = own + std::exchange(judging_, {});
    schedule_.End(kind, Now(), cost, complete);
    ++(!complete                    ? counters_.failures
       : kind == PassKind::kFlows   ? counters_.passes
       : kind == PassKind::kChanged ? counters_.changed_passes
                                    : counters_.tombstone_passes);
    counters_.cut += pass.cut.deleted;
    counters_.displaced += pass.displaced;
    if (kind == PassKind::kFlows) counters_.entries = pass.entries;
    counters_.tombstones = tombstones_.size();
    tombstones_possible_ = !complete || tombstones_.size() > 0;
  }
  Report(pass, cost, Now() - wall_begun);
}

// A slice of them, so that a pass that is due does not wait for it.
void FlowTerminator::RenewTombstones() {
  const std::vector<nft::Flow> due = tombstones_.TakeDue(Now(), kSlice);
  if (due.size() < kSlice) next_renewal_ = Now() + kRenewEvery;
  if (!due.empty()) {
    const auto renewed = conntrack_->Renew(due);
    std::size_t lost = 0;
    for (std::size_t i = 0; i < due.size(); ++i) {
      if (!renewed.ok()) {
        tombstones_.NotRenewed(due[i], Now());
      } else if (renewed.value()[i] == nft::Conntrack::Renewal::kRenewed) {
        tombstones_.Renewed(due[i], Now());
      } else {
        tombstones_.Forget(due[i]);
        if (renewed.value()[i] == nft::Conntrack::Renewal::kLost) ++lost;
      }
    }
    if (lost > 0) log_->Warn(LogMessages::kFlowsResumable, {{"flows", lost}});
    if (!renewed.ok()) {
      log_->Error(LogMessages::kCutFlowEntriesNotRenewed,
                  {{"problem", renewed.status().message()}, {"cut_flow_entries", due.size()}});
    }
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  counters_.tombstones = tombstones_.size();
}

void FlowTerminator::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

FlowTerminator::Work FlowTerminator::WaitForWork() {
  std::unique_lock<std::mutex> lock(mutex_);
  const Clock::Time due = tombstones_.NextDue();
  const Clock::Time renewal =
      due == Clock::Time::max() ? Clock::Time::max() : std::max(due, next_renewal_);
  for (;;) {
    if (stopped_) return {};
    const Clock::Time next = schedule_.Next();
    const Clock::Time now = Now();
    if (next <= now) {
      // What this pass cuts may be allowed again before it is through.
      tombstones_possible_ = true;
      return {Work::What::kPass, schedule_.Begin(now)};
    }
    if (renewal <= now) return {.what = Work::What::kRenewal};
    if (const Clock::Time first = std::min(next, renewal); first == Clock::Time::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, first);
    }
  }
}

FlowTerminator::Pass FlowTerminator::MakePass(PassKind kind) {
  Pass pass;
  pass.kind = kind;
  pass.paced = cpu_time_();
  pass.slice.reserve(kSlice);
  auto node = node_addresses_();
  pass.status = node.status();
  if (!node.ok()) return pass;
  pass.filter.node = std::move(node).value();
  switch (kind) {
    case PassKind::kChanged:
      GoThroughChanged(&pass);
      break;
    case PassKind::kFlows:
      GoThroughFlows(&pass);
      break;
    case PassKind::kTombstones:
      GoThroughTombstones(&pass);
      break;
  }
  return pass;
}

void FlowTerminator::GiveWay(const Pass& pass) {
  if (pass.kind == PassKind::kChanged || !hurry_) return;
  Clock::Duration judging_before;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const Clock::Time now = Now();
    if (schedule_.NextOf(PassKind::kChanged) > now) return;
    schedule_.Begin(now);
    tombstones_possible_ = true;
    judging_before = std::exchange(judging_, {});
  }
  const Clock::Duration begun = cpu_time_();
  const Clock::Duration given_before = std::exchange(given_away_, {});
  MakeAndReport(PassKind::kChanged);
  given_away_ = given_before + cpu_time_() - begun;
  const std::lock_guard<std::mutex> lock(mutex_);
  judging_ = judging_before;
}

void FlowTerminator::Pace(Pass* pass) {
  constexpr std::uint64_t kLookEvery = 64;  // entries: asking for the CPU time costs as much as one
  if (pass->kind == PassKind::kChanged || cpus_ >= 1 || pass->entries % kLookEvery != 0) return;
  const Clock::Duration used = cpu_time_() - pass->paced;
  if (used < kAtOnce) return;
  PauseAfter(used, true);
  pass->paced = cpu_time_();
}

void FlowTerminator::PauseAfter(Clock::Duration used, bool give_way) {
  const Clock::Time until =
      Now() + std::chrono::duration_cast<Clock::Duration>(used / (kPart * cpus_)) - used;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    const Clock::Time hurry = give_way ? schedule_.NextOf(PassKind::kChanged) : Clock::Time::max();
    const Clock::Time now = Now();
    if (stopped_ || until <= now || hurry <= now) return;
    changed_.wait_until(lock, std::min(until, hurry));
  }
}

void FlowTerminator::GoThroughChanged(Pass* pass) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    pass->scope = std::exchange(changed_ends_, {});
    hurry_ = false;
  }
  pass->stopped = !Ask({.judged = &pass->filter.judged});
  if (pass->stopped || pass->filter.judged.empty()) return;
  const nft::Status status = conntrack_->Walk(
      pass->scope.ends(), [&](const nft::Flow& flow) { return Take(flow, pass); },
      [&] {
        if (!Flush(pass)) return false;
        if (cpus_ < 1) PauseAfter(cpu_time_() - pass->paced, false);
        pass->paced = cpu_time_();
        return true;
      });
  if (pass->status.ok()) pass->status = status;
  if (pass->status.ok() && !pass->stopped) Flush(pass);
}

void FlowTerminator::GoThroughFlows(Pass* pass) {
  pass->stopped = !Ask({.judged = &pass->filter.judged});
  if (pass->stopped) return;
  // Nothing is isolated here and no tombstone is left.
  if (pass->filter.judged.empty() && tombstones_known_ && tombstones_.size() == 0) return;
  const bool empty = LearnUsage();
  tombstones_.BeginWalk();
  const nft::Status status =
      empty ? nft::Status()
            : conntrack_->Walk([&](const nft::Flow& flow) { return Take(flow, pass); });
  if (pass->status.ok()) pass->status = status;
  if (pass->status.ok() && !pass->stopped && Flush(pass)) tombstones_.EndWalk();
}

// Where the kernel does not tell how many entries it has and takes, the walk goes on without.
bool FlowTerminator::LearnUsage() {
  const auto told = conntrack_->GetUsage();
  const std::uint64_t most = told.ok() ? told.value().most : 0;
  most_tombstones_ = most == 0 ? kMostTombstones
                               : std::min<std::uint64_t>(most / kShareOfConntrack, kMostTombstones);
  return told.ok() && told.value().entries == 0;
}

void FlowTerminator::GoThroughTombstones(Pass* pass) {
  for (nft::Flow& tombstone : tombstones_.All()) {
    GiveWay(*pass);
    ++pass->entries;
    Pace(pass);
    const nft::Hook hook = pass->filter.HookOf(tombstone);
    pass->slice.push_back({std::move(tombstone), hook, std::nullopt});
    if (pass->slice.size() == kSlice && !Flush(pass)) return;
  }
  Flush(pass);
}

bool FlowTerminator::Take(const nft::Flow& flow, Pass* pass) {
  GiveWay(*pass);
  ++pass->entries;
  Pace(pass);
  if (pass->kind == PassKind::kChanged && !pass->scope.Contains(flow)) return true;
  if (!pass->filter.Interesting(flow)) return true;
  nft::FlowQuestion question{flow, pass->filter.HookOf(flow), std::nullopt};
  if (flow.master) {
    auto master =
        conntrack_->Find(flow.master->protocol, flow.master->original, flow.original_zone);
    if (!master.ok()) {
      pass->status = master.status();
      return false;
    }
    // Without it nobody can tell any more what was announced: the flow stands for itself.
    if (master.value()) {
      question.hook = pass->filter.HookOf(*master.value());
      question.master = nft::FirstPacket(*master.value());
    }
  }
  pass->slice.push_back(std::move(question));
  return pass->slice.size() < kSlice || Flush(pass);
}

bool FlowTerminator::Flush(Pass* pass) {
  if (pass->slice.empty()) return true;
  pass->stopped = !Ask({.questions = pass->slice, .verdicts = &pass->verdicts});
  if (pass->stopped) return false;
  std::vector<nft::Flow> cut;
  std::vector<nft::Flow> allowed_again;
  for (std::size_t i = 0; i < pass->slice.size(); ++i) {
    nft::Flow& flow = pass->slice[i].flow;
    switch (pass->verdicts[i]) {
      case nft::FlowDecision::kLives:
        // A pass over the tombstones alone does not know what they have left.
        if (nft::IsTombstone(flow) && pass->kind != PassKind::kTombstones)
          tombstones_.Found(flow, Now());
        break;
      case nft::FlowDecision::kCut:
        cut.push_back(std::move(flow));
        break;
      case nft::FlowDecision::kRemoveTombstone:
        allowed_again.push_back(std::move(flow));
        break;
    }
  }
  pass->judged += pass->slice.size();
  pass->slice.clear();
  if (!cut.empty()) {
    const auto counts = conntrack_->Cut(cut);
    pass->status = counts.status();
    if (!counts.ok()) return false;
    pass->cut.deleted += counts.value().deleted;
    pass->cut.without_tombstone += counts.value().without_tombstone;
    pass->cut.refused += counts.value().refused;
    pass->tombstones += counts.value().tombstoned.size();
    for (const nft::Flow& flow : counts.value().tombstoned)
      tombstones_.Put(nft::TombstoneOf(flow), flow.timeout_seconds, Now());
  }
  return RemoveThose(allowed_again, pass, &pass->removed_tombstones) && MakeRoom(pass);
}

bool FlowTerminator::RemoveThose(const std::vector<nft::Flow>& tombstones, Pass* pass,
                                 std::uint64_t* removed) {
  std::vector<nft::Flow> there;
  for (const nft::Flow& tombstone : tombstones) {
    // One that this very agent put has an id that only the kernel knows; and it may be gone.
    auto found = conntrack_->Find(tombstone.protocol, tombstone.original, tombstone.original_zone);
    pass->status = found.status();
    if (!found.ok()) return false;
    if (found.value() && nft::IsTombstone(*found.value()))
      there.push_back(std::move(*std::move(found).value()));
  }
  const auto deleted = conntrack_->Delete(there);
  pass->status = deleted.status();
  if (!deleted.ok()) return false;
  *removed += deleted.value();
  for (const nft::Flow& tombstone : tombstones) tombstones_.Forget(tombstone);
  return true;
}

bool FlowTerminator::MakeRoom(Pass* pass) {
  if (tombstones_.size() <= most_tombstones_) return true;
  return RemoveThose(tombstones_.Oldest(tombstones_.size() - most_tombstones_), pass,
                     &pass->displaced);
}

bool FlowTerminator::Ask(const Request& request) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (stopped_) return false;
  request_ = request;
  lock.unlock();
  wake_();
  lock.lock();
  changed_.wait(lock, [this] { return stopped_ || !request_; });
  // Once this returns nothing of the request may be touched any more.
  return !std::exchange(request_, std::nullopt).has_value() && !stopped_;
}

void FlowTerminator::PolicyChanged(const nft::FlowScope& may_deny) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Clock::Time now = Now();
  if (tombstones_possible_) schedule_.Need(PassKind::kTombstones, now);
  if (!may_deny.empty()) {
    nft::FlowScope ends = changed_ends_;
    ends.Add(may_deny);
    // With many ends a walk over everything is through sooner. Those of earlier changes, which are
    // few, still go first: nobody's large change makes others wait.
    const bool few = !ends.all();
    schedule_.Need(few ? PassKind::kChanged : PassKind::kFlows, now);
    if (few) {
      changed_ends_ = std::move(ends);
      hurry_ = true;
    }
  }
  if (tombstones_possible_ || !may_deny.empty()) changed_.notify_all();
}

void FlowTerminator::Serve(const nft::Ruleset& enforced) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!request_) return;
  const Clock::Duration begun = cpu_time_();
  if (request_->judged != nullptr) *request_->judged = nft::JudgedAddresses(enforced);
  if (request_->verdicts != nullptr) {
    const nft::FlowJudge judge(enforced);
    request_->verdicts->clear();
    for (const nft::FlowQuestion& question : request_->questions)
      request_->verdicts->push_back(judge.Judge(question));
  }
  judging_ += cpu_time_() - begun;
  request_.reset();
  changed_.notify_all();
}

FlowTerminator::Counters FlowTerminator::counters() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counters_;
}

void FlowTerminator::Report(const Pass& pass, Clock::Duration cost, Clock::Duration took) {
  if (pass.stopped) return;
  if (!pass.status.ok()) {
    log_->Error(LogMessages::kFlowCheckFailed,
                {{"problem", pass.status.message()},
                 {"cut", pass.cut.deleted},
                 {"retry_ms", std::chrono::milliseconds(PassSchedule::kSettled).count()}});
    return;
  }
  if (pass.cut.refused > 0) {
    log_->Warn(LogMessages::kFlowsNotCut, {{"flows", pass.cut.refused}});
  }
  if (pass.cut.without_tombstone > 0) {
    log_->Warn(LogMessages::kFlowsResumable, {{"flows", pass.cut.without_tombstone}});
  }
  if (pass.displaced > 0) {
    log_->Warn(LogMessages::kCutFlowEntriesDisplaced,
               {{"displaced", pass.displaced}, {"most", most_tombstones_}});
  }
  if (pass.cut.deleted > 0) {
    log_->Info(
        LogMessages::kFlowsCut,
        {{"flows", pass.cut.deleted}, {"entries", pass.entries}, {"took_us", Microseconds(took)}});
  }
  log_->Debug(pass.kind == PassKind::kFlows     ? LogMessages::kFlowsChecked
              : pass.kind == PassKind::kChanged ? LogMessages::kChangedFlowsChecked
                                                : LogMessages::kCutFlowEntriesChecked,
              {{"entries", pass.entries},
               {"judged", pass.judged},
               {"cut", pass.cut.deleted},
               {"cut_flow_entries", pass.tombstones},
               {"removed_entries", pass.removed_tombstones},
               {"cpu_us", Microseconds(cost)},
               {"took_us", Microseconds(took)}});
}

}  // namespace podgate::controller
