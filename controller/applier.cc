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

bool Applier::Want(nft::Ruleset desired) {
  desired_ = std::move(desired);
  // New wishes do not shorten the pause after failures, else each event would hammer a kernel that
  // refuses.
  return clock_->Now() >= next_attempt_ && Try();
}

Clock::Time Applier::NextAttempt() const {
  if (desired_) return next_attempt_;
  return settled() ? next_check_ : Clock::Time::max();
}

bool Applier::Read(const std::string& name) {
  // The generation first: what happens between the two questions is seen again at the next check.
  const auto generation = kernel_->Generation();
  auto table = kernel_->Read(name);
  known_ = generation.ok() && table.ok();
  if (!known_) {
    Failed(generation.ok() ? table.status() : generation.status(), "cannot read the table");
    return false;
  }
  generation_ = generation.value();
  table_ = std::move(table).value();
  return true;
}

bool Applier::Try() {
  if (!known_ && !Read(desired_->table)) return false;
  const std::vector<nft::Step> steps = nft::Diff(table_ ? &*table_ : nullptr, *desired_);
  if (const nft::Status status = nft::CommitAll(kernel_, steps); !status.ok()) {
    // Some steps may have happened: only the kernel knows which.
    known_ = false;
    ++counters_.failures;
    Failed(status, "cannot apply a change");
    return false;
  }
  counters_.steps += steps.size();
  generation_ += static_cast<std::uint32_t>(steps.size());
  table_ = std::move(desired_);
  desired_.reset();
  failures_in_a_row_ = 0;
  const Clock::Time now = clock_->Now();
  next_attempt_ = now;
  if (next_full_check_ == Clock::Time()) next_full_check_ = now + kFullCheckEvery;
  if (next_check_ == Clock::Time()) next_check_ = now + kCheckEvery;
  return true;
}

void Applier::Failed(const nft::Status& status, const char* what) {
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
  if (desired_) {
    if (now >= next_attempt_) Try();
  } else if (settled() && now >= next_check_) {
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
  nft::Ruleset wanted = std::move(*table_);
  const std::string name = wanted.table;
  if (Read(name) && table_ && nft::SameForKernel(*table_, wanted)) {
    table_ = std::move(wanted);  // with what the kernel does not know: which sets are guards
    return;
  }
  desired_ = std::move(wanted);
  if (!known_) return;  // tried again with the next attempt
  ++counters_.repairs;
  log_->Warn(table_ ? "somebody changed our table, repairing it"
                    : "somebody deleted our table, making it again",
             {{"table", name}});
  Try();
}

}  // namespace podgate::controller
