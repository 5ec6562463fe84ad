#include "controller/applier.h"

#include <algorithm>
#include <utility>

namespace podgate::controller {
namespace {

constexpr std::chrono::seconds kCheckEvery{1};
constexpr std::chrono::minutes kFullCheckEvery{5};
// Pauses after the first failures; then one attempt a second for as long as it takes.
constexpr std::chrono::milliseconds kRetries[] = {
    std::chrono::milliseconds(0), std::chrono::milliseconds(20), std::chrono::milliseconds(100)};
constexpr std::chrono::seconds kRetryEvery{1};

}  // namespace

bool Applier::Changed(const nft::Change& change) {
  if (state_ == State::kSettled) return change.empty() || Apply(nft::StepsOf(change, *wanted_));
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
      return next_check_;
  }
  return Clock::Time::max();
}

nft::Result<std::optional<nft::Ruleset>> Applier::Read() {
  // The generation first: what happens between the two questions is seen again at the next check.
  const auto generation = kernel_->Generation();
  if (!generation.ok()) return generation.status();
  generation_ = generation.value();
  return kernel_->Read(wanted_->table);
}

// From whatever the kernel holds to what is wanted.
bool Applier::Synchronise() {
  const auto table = Read();
  if (!table.ok()) {
    Failed(table.status(), "cannot read the table");
    return false;
  }
  return Apply(nft::Diff(table.value() ? &*table.value() : nullptr, *wanted_));
}

bool Applier::Apply(const std::vector<nft::Step>& steps) {
  if (const nft::Status status = nft::CommitAll(kernel_, steps); !status.ok()) {
    // Some steps may have happened: only the kernel knows which.
    ++counters_.failures;
    Failed(status, "cannot apply a change");
    return false;
  }
  counters_.steps += steps.size();
  generation_ += static_cast<std::uint32_t>(steps.size());
  Settle();
  return true;
}

void Applier::Settle() {
  state_ = State::kSettled;
  failures_in_a_row_ = 0;
  const Clock::Time now = clock_->Now();
  next_attempt_ = now;
  if (next_full_check_ == Clock::Time()) next_full_check_ = now + kFullCheckEvery;
  if (next_check_ == Clock::Time()) next_check_ = now + kCheckEvery;
}

void Applier::Failed(const nft::Status& status, const char* what) {
  state_ = State::kUnknown;
  const auto attempt = static_cast<std::size_t>(failures_in_a_row_++);
  const Clock::Duration pause = attempt < std::size(kRetries) ? Clock::Duration(kRetries[attempt])
                                                              : Clock::Duration(kRetryEvery);
  next_attempt_ = clock_->Now() + pause;
  log_->Error(what,
              {{"problem", status.message()},
               {"failures", failures_in_a_row_},
               {"retry_ms", std::chrono::duration_cast<std::chrono::milliseconds>(pause).count()}});
}

void Applier::Tick() {
  const Clock::Time now = clock_->Now();
  if (state_ == State::kUnknown) {
    if (now >= next_attempt_) Synchronise();
  } else if (state_ == State::kSettled && now >= next_check_) {
    CheckDrift();
  }
}

void Applier::CheckDrift() {
  const Clock::Time now = clock_->Now();
  next_check_ = now + kCheckEvery;
  const auto generation = kernel_->Generation();
  if (!generation.ok()) {
    log_->Error("cannot ask the kernel for its generation",
                {{"problem", generation.status().message()}});
    return;
  }
  // Anybody's commit to any table moves the generation; only a look at ours tells whether it was
  // touched.
  if (generation.value() == generation_ && now < next_full_check_) return;
  next_full_check_ = now + kFullCheckEvery;
  const auto table = Read();
  if (!table.ok()) {
    Failed(table.status(), "cannot read the table");
    return;
  }
  if (table.value() && nft::SameForKernel(*table.value(), *wanted_)) return;
  ++counters_.repairs;
  log_->Warn(table.value() ? "somebody changed our table, repairing it"
                           : "somebody deleted our table, making it again",
             {{"table", wanted_->table}});
  Apply(nft::Diff(table.value() ? &*table.value() : nullptr, *wanted_));
}

}  // namespace podgate::controller
