#include "nft/plan/diff.h"

#include <utility>

#include "nft/model/canonical.h"
#include "nft/plan/intermediate.h"
#include "nft/plan/transaction_planner.h"

namespace podgate::nft {
namespace {

std::vector<Step> StepsBetween(const Ruleset& applied, const Ruleset& desired, bool add_table) {
  const Change change = Between(applied, desired);
  return TransactionPlanner(change, desired).Steps(add_table);
}

// All in one batch, in place of a table that cannot be kept: exact for rules and hash sets, while a
// packet may find a new interval set empty for some microseconds.
std::vector<Step> Replace(const Ruleset& desired) {
  Step step{Phase::kFlip, desired.table, {DeleteTable{}}, desired.family};
  const Ruleset nothing;
  for (Step& part : StepsBetween(nothing, desired, true)) {
    for (Operation& operation : part.operations) step.operations.push_back(std::move(operation));
  }
  return {std::move(step)};
}

}  // namespace

std::vector<Step> StepsOf(const Change& change, const Ruleset& after) {
  return TransactionPlanner(change, after).Steps(false);
}

std::vector<Step> Diff(const Ruleset* applied, const Ruleset& desired) {
  if (applied == nullptr) {
    const Ruleset nothing;
    return StepsBetween(nothing, desired, true);
  }
  // The only property of a table that cannot be changed while it exists.
  if (QuotableText(applied->comment) != QuotableText(desired.comment)) return Replace(desired);
  const bool wake = !applied->foreign.empty();  // it may be dormant
  const std::optional<Ruleset> intermediate = IntermediateBetween(*applied, desired);
  if (!intermediate) return StepsBetween(*applied, desired, wake);
  std::vector<Step> steps = StepsBetween(*applied, *intermediate, wake);
  for (Step& step : StepsBetween(*intermediate, desired, false)) steps.push_back(std::move(step));
  return steps;
}

}  // namespace podgate::nft
