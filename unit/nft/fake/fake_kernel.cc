#include "unit/nft/fake/fake_kernel.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "nft/base/errors.h"
#include "nft/codec/check.h"
#include "nft/model/compare.h"
#include "nft/model/overloaded.h"
#include "nft/model/step.h"
#include "nft/text/describe.h"
#include "unit/nft/fake/fake_table.h"

namespace podgate::nft {
namespace {

Status Refused(const Step& step, const Refusal& refusal) {
  return Status(CodeOf(refusal.error),
                fmt::format("Cannot change table inet {}: {}: {}; nothing of this step was changed",
                            step.table, refusal.what, Reason(refusal.error)));
}

std::set<KernelPart> PartsOf(const Rule& rule) {
  std::set<KernelPart> parts;
  for (const Match& match : rule.matches)
    if (std::holds_alternative<MatchCtState>(match)) parts.insert(KernelPart::kConntrack);
  for (const Statement& statement : rule.statements)
    parts.insert(std::visit(Overloaded{[](const CountBy&) { return KernelPart::kReference; },
                                       [](const LimitRate&) { return KernelPart::kLimit; },
                                       [](const LogGroup&) { return KernelPart::kLog; }},
                            statement));
  if (rule.action && std::holds_alternative<Reject>(*rule.action))
    parts.insert(KernelPart::kReject);
  return parts;
}

// What the kernel says of the first operation that needs a part that it lacks.
Refusal MissingIn(const Step& step, const std::set<KernelPart>& missing) {
  for (const Operation& operation : step.operations) {
    if (missing.count(KernelPart::kCounter) != 0 && std::holds_alternative<AddCounter>(operation))
      return {Describe(operation), ENOENT};
    const auto* rules = std::get_if<SetRules>(&operation);
    if (rules == nullptr) continue;
    for (std::size_t i = 0; i < rules->rules.size(); ++i) {
      for (const KernelPart part : PartsOf(rules->rules[i]))
        if (missing.count(part) != 0) return {DescribeRule(*rules, i), ENOENT};
    }
  }
  return {};
}

}  // namespace

Result<std::optional<Ruleset>> FakeKernel::Read(TableFamily /*family*/, const std::string& table) {
  if (before_read)
    if (Status status = before_read(); !status.ok()) return status;
  const auto found = tables_.find(table);
  if (found == tables_.end()) return std::optional<Ruleset>();
  return std::optional<Ruleset>(found->second);
}

Result<bool> FakeKernel::Holds(const Ruleset& wanted) {
  const auto found = tables_.find(wanted.table);
  return found != tables_.end() && SameForKernel(found->second, wanted);
}

Status FakeKernel::Commit(const Step& step) {
  if (before_commit) {
    Status status = before_commit(step);
    if (!status.ok()) return status;
  }
  Status expressible = CheckExpressible(step);
  if (!expressible.ok()) return expressible;

  if (const Refusal refusal = MissingIn(step, missing); refusal.error != 0)
    return Refused(step, refusal);

  const auto found = tables_.find(step.table);
  Ruleset before;
  before.table = step.table;
  if (found != tables_.end()) before = found->second;
  FakeTable table(found != tables_.end(), std::move(before), checks_jumps_at_once);
  for (const Operation& operation : step.operations) {
    const Refusal refusal = table.Apply(operation);
    if (refusal.error != 0) return Refused(step, refusal);
  }
  const Refusal refusal = table.CheckAtEnd();
  if (refusal.error != 0) return Refused(step, refusal);

  if (table.exists()) {
    tables_[step.table] = table.ruleset();
  } else {
    tables_.erase(step.table);
  }
  ++generation_;
  committed.push_back(step);
  return {};
}

Status FakeKernel::CommitAt(std::uint32_t generation, const Step& step) {
  if (generation != generation_) return Refused(step, {"the step as a whole", ERESTART});
  return Commit(step);
}

// Without nf_tables the kernel does not know the question.
Result<std::uint32_t> FakeKernel::Generation() {
  if (missing.count(KernelPart::kTables) != 0) return ErrnoStatus("Cannot ask", EINVAL);
  return generation_;
}

}  // namespace podgate::nft
