#include "nft/plan/diff.h"

#include <utility>

#include "nft/model/canonical.h"
#include "nft/plan/intermediate.h"
#include "nft/plan/transaction_planner.h"

namespace podgate::nft {
namespace {

std::vector<Step> Way(const Ruleset& applied, const Ruleset& desired, bool add_table) {
  const Change change = Between(applied, desired);
  return TransactionPlanner(change, desired).Steps(add_table);
}

// All in one batch, in place of a table that cannot be kept: exact for rules and hash sets, while a
// packet may for some microseconds find a new interval set empty.
std::vector<Step> Replace(const Ruleset& desired) {
  Step step{Phase::kFlip, desired.table, {DeleteTable{}}};
  const Ruleset nothing;
  for (Step& part : Way(nothing, desired, true)) {
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
    return Way(nothing, desired, true);
  }
  // The only thing about a table that cannot be changed while it is there.
  if (QuotableText(applied->comment) != QuotableText(desired.comment)) return Replace(desired);
  const bool wake_table = !applied->foreign.empty();
  const std::optional<Ruleset> detour = IntermediateBetween(*applied, desired);
  if (!detour) return Way(*applied, desired, wake_table);
  std::vector<Step> steps = Way(*applied, *detour, wake_table);
  for (Step& step : Way(*detour, desired, false)) steps.push_back(std::move(step));
  return steps;
}

}  // namespace podgate::nft
