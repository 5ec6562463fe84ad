#include "controller/agent/applier.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compiler/codegen/table_comment.h"
#include "nft/model/compare.h"
#include "nft/plan/diff.h"
#include "nft/plan/rebuild.h"

namespace podgate::controller {
namespace {

constexpr std::chrono::milliseconds kPollEvery{500};
// Looks at the table for others' commits that did not touch it, as nearly all do not: a change that
// comes right after one is still repaired within a second.
constexpr std::chrono::milliseconds kCheckEvery{900};
// Where the last look found a change, the next may come soon.
constexpr std::chrono::milliseconds kCheckAfterRepair{100};
constexpr std::chrono::minutes kFullCheckEvery{5};
// Looks at the table take no more than this part of the time, however often others commit.
constexpr int kCheckShare = 50;
constexpr std::chrono::seconds kCheckAtMost{5};  // however long a look took
// Pauses after the first failures; then one attempt a second for as long as it takes.
constexpr std::chrono::milliseconds kRetries[] = {
    std::chrono::milliseconds(0), std::chrono::milliseconds(20), std::chrono::milliseconds(100)};
constexpr std::chrono::seconds kRetryEvery{1};
// Looks at a table that is another node's: somebody may remove it.
constexpr std::chrono::seconds kOtherTableEvery{5};
// So many failures in a row, and again after so many more, and all is built anew.
constexpr int kRebuildAfter = 3;
constexpr int kRebuildEvery = 60;
// How often a difference may be overtaken by others' commits before it is applied regardless.
constexpr int kConditionalAttempts = 3;

}  // namespace

bool Applier::Changed(const nft::Change& change) {
  if (state_ == State::kSettled) {
    if (change.empty()) return true;
    const std::vector<nft::Step> steps = nft::StepsOf(change, *wanted_);
    const nft::MonitorAway away(listening_ ? monitor_ : nullptr);
    return Finish(Commit(steps));
  }
  state_ = State::kUnknown;
  // New wishes do not shorten the pause after failures, else each event would hammer a kernel that
  // refuses.
  return clock_->Now() >= next_attempt_ && Synchronise();
}

Clock::Time Applier::NextAttempt() const {
  switch (state_) {
    case State::kIdle:
      return Clock::Time::max();
    case State::kUnknown:
      return next_attempt_;
    case State::kSettled:
      return std::min(moved_ ? next_check_ : next_poll_, next_full_check_);
  }
  return Clock::Time::max();
}

// ---- to what is wanted

nft::Result<Applier::Held> Applier::Read() {
  // The generation first: what happens between the two questions is seen again at the next check.
  const auto generation = kernel_->Generation();
  if (!generation.ok()) return generation.status();
  auto table = kernel_->Read(wanted_->family, wanted_->table);
  if (!table.ok()) return table.status();
  return Held{generation.value(), std::move(table).value()};
}

// From whatever the kernel holds to what is wanted.
bool Applier::Synchronise() {
  nft::Status status;
  for (int attempt = 0; attempt <= kConditionalAttempts; ++attempt) {
    status = SynchroniseOnce(attempt < kConditionalAttempts);
    if (other_table_) {
      next_attempt_ = clock_->Now() + kOtherTableEvery;
      return false;
    }
    if (!status.IsStale()) break;
  }
  return Finish(status);
}

std::optional<Applier::OtherTable> Applier::FindOther(
    const std::optional<nft::Ruleset>& table) const {
  if (ours_ || node_.empty() || !table) return std::nullopt;
  std::optional<std::string> owner = compiler::NodeOfTable(table->comment);
  if (!owner || *owner == compiler::NodeInComment(node_)) return std::nullopt;
  return OtherTable{*std::move(owner), compiler::IsolatedPods(*table)};
}

// `conditional`: only if nobody commits between the look at the table and the end of the change.
nft::Status Applier::SynchroniseOnce(bool conditional) {
  const auto held = Read();
  if (!held.ok()) return held.status();
  other_table_ = FindOther(held.value().table);
  if (other_table_) return {};
  const nft::Ruleset* table = held.value().table ? &*held.value().table : nullptr;
  if (std::exchange(changed_, false)) FindOutWho(held.value());
  const bool rebuild = failures_in_a_row_ % kRebuildEvery == kRebuildAfter;
  const std::vector<nft::Step> steps =
      rebuild ? nft::Rebuild(table, *wanted_) : nft::Diff(table, *wanted_);
  if (rebuild && !steps.empty()) ++counters_.rebuilds;
  const nft::MonitorAway away(listening_ ? monitor_ : nullptr);
  generation_ = held.value().generation;
  if (!conditional) return Commit(steps);
  const nft::Status status = nft::CommitAllAt(&generation_, kernel_, steps);
  if (status.ok()) counters_.steps += generation_ - held.value().generation;
  return status;
}

// The generation moves by one for each batch, and a step that is too big for one goes in parts.
nft::Status Applier::Commit(const std::vector<nft::Step>& steps) {
  std::uint32_t batches = 0;
  nft::Status status = nft::CommitAll(kernel_, steps, &batches);
  if (status.ok()) {
    counters_.steps += batches;
    generation_ += batches;
  }
  return status;
}

bool Applier::Finish(const nft::Status& status) {
  if (status.ok()) {
    Settle();
  } else {
    // What we refer to was there: somebody else took it away.
    if (state_ == State::kSettled && status.IsNotFound()) changed_ = true;
    // Some steps may have happened: only the kernel knows which.
    Failed(status);
  }
  return status.ok();
}

void Applier::Settle() {
  state_ = State::kSettled;
  ours_ = true;
  failures_in_a_row_ = 0;
  const Clock::Time now = clock_->Now();
  next_attempt_ = now;
  if (next_full_check_ == Clock::Time()) next_full_check_ = now + kFullCheckEvery;
  if (next_poll_ == Clock::Time()) next_poll_ = now + kPollEvery;
  TellForeignChange();
}

void Applier::Failed(const nft::Status& status) {
  state_ = State::kUnknown;
  ++counters_.failures;
  const auto attempt = static_cast<std::size_t>(failures_in_a_row_++);
  const Clock::Duration pause = attempt < std::size(kRetries) ? Clock::Duration(kRetries[attempt])
                                                              : Clock::Duration(kRetryEvery);
  next_attempt_ = clock_->Now() + pause;
  log_->Error(LogMessages::kApplyFailed,
              {{"problem", status.message()},
               {"failures", failures_in_a_row_},
               {"retry_ms", std::chrono::duration_cast<std::chrono::milliseconds>(pause).count()}});
}

// ---- what others do

void Applier::Tick() {
  const Clock::Time now = clock_->Now();
  if (monitor_ != nullptr && state_ != State::kIdle) attribution_.Add(monitor_->Take());
  if (state_ == State::kUnknown && now >= next_attempt_) {
    Synchronise();
  } else if (state_ == State::kSettled) {
    if (!moved_ && (now >= next_poll_ || !attribution_.empty())) Poll();
    if (now >= next_full_check_ || (moved_ && now >= next_check_)) {
      CheckTable();
    } else if (moved_) {
      // A look is due anyway, and being heard costs others' commits: once a second is enough.
      Listen(false);
    }
  }
}

void Applier::Listen(bool on) {
  if (monitor_ == nullptr || listening_ == on) return;
  listening_ = on;
  if (on) {
    monitor_->Join();
  } else {
    monitor_->Leave();
  }
}

void Applier::Poll() {
  next_poll_ = clock_->Now() + kPollEvery;
  const auto generation = kernel_->Generation();
  if (!generation.ok()) {
    log_->Error(LogMessages::kGenerationUnreadable, {{"problem", generation.status().message()}});
    return;
  }
  // Anybody's commit to any table moves the generation; only a look at ours tells whether it was
  // touched.
  moved_ = generation.value() != generation_;
  if (!moved_) attribution_.Clear();
}

void Applier::CheckTable() {
  const Clock::Time begun = clock_->Now();
  Listen(true);
  ++counters_.checks;
  const auto generation = kernel_->Generation();
  const auto holds = generation.ok() ? kernel_->Holds(*wanted_) : generation.status();
  const Clock::Time now = clock_->Now();
  const bool changed = holds.ok() && !holds.value();
  next_check_ = now + std::max<Clock::Duration>(
                          changed ? kCheckAfterRepair : kCheckEvery,
                          std::min<Clock::Duration>(kCheckShare * (now - begun), kCheckAtMost));
  next_full_check_ = now + kFullCheckEvery;
  moved_ = false;
  if (!holds.ok()) {  // what we committed last is what we know, until a look says otherwise
    moved_ = true;
    log_->Warn(LogMessages::kTableUnreadable, {{"problem", holds.status().message()}});
    return;
  }
  if (!changed) {
    generation_ = generation.value();
    attribution_.Clear();
    return;
  }
  changed_ = true;
  Synchronise();
  attribution_.Clear();
}

void Applier::FindOutWho(const Held& held) {
  // Undone by whoever did it, or the look before was disturbed.
  if (held.table && nft::SameForKernel(*held.table, *wanted_)) return;
  if (monitor_ != nullptr) attribution_.Add(monitor_->Take());
  foreign_change_ = {!held.table, attribution_.ToString(generation_, held.generation)};
}

// Said when it is true that the change is reverted: until then the failures say what is wrong.
void Applier::TellForeignChange() {
  if (!foreign_change_) return;
  const auto [deleted, by] = *std::exchange(foreign_change_, std::nullopt);
  ++counters_.repairs;
  const bool guard = wanted_->family == nft::TableFamily::kNetdev;
  log_->Warn(guard ? (deleted ? LogMessages::kGuardTableDeleted : LogMessages::kGuardTableChanged)
                   : (deleted ? LogMessages::kTableDeleted : LogMessages::kTableChanged),
             {{"by", by}, {"repairs", counters_.repairs}});
  if (events_ == nullptr) return;
  ClusterEvent event;
  event.reason = "RulesChanged";
  event.action = "Revert";
  event.note =
      fmt::format("Another process {} the nftables table {} {}; the agent {}. Suspected: {}.",
                  deleted ? "deleted" : "changed", nft::FamilyName(wanted_->family), wanted_->table,
                  deleted ? "restored it" : "reverted the change", by);
  events_->Tell(std::move(event));
}

}  // namespace podgate::controller
