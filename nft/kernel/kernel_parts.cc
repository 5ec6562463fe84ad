#include "nft/kernel/kernel_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "nft/model/step.h"

namespace podgate::nft {
namespace {

constexpr const char* kTable = "podgate-probe";
constexpr const char* kName = "probe";

struct Expression {
  std::string_view name;
  KernelPart part;
};
constexpr Expression kExpressions[] = {{"ct", KernelPart::kConntrack},
                                       {"objref", KernelPart::kReference},
                                       {"limit", KernelPart::kLimit},
                                       {"log", KernelPart::kLog},
                                       {"reject", KernelPart::kReject}};

// What takes the part and nothing else that may be missing.
std::vector<Operation> Needing(KernelPart part) {
  Rule rule;
  switch (part) {
    case KernelPart::kTables:
      return {};
    case KernelPart::kConntrack:
      rule.matches = {MatchCtState{}};
      break;
    case KernelPart::kCounter:
      return {AddCounter{kName}};
    case KernelPart::kReference:
      rule.statements = {CountBy{kName}};
      return {AddCounter{kName}, SetRules{kName, {rule}}};
    case KernelPart::kLimit:
      rule.statements = {LimitRate{1, 1}};
      break;
    case KernelPart::kLog:
      rule.statements = {LogGroup{0, "", 0}};
      break;
    case KernelPart::kReject:
      rule.action = Reject{};
      break;
  }
  return {SetRules{kName, {rule}}};
}

// The last operation is refused because its chain is there. What the kernel says is about the first
// operation that it refuses: whether it came so far.
Status Try(Kernel* kernel, const std::vector<KernelPart>& parts) {
  Step step{Phase::kPrepare, kTable, {AddTable{}, AddChain{kName, std::nullopt}}};
  bool counter = false;
  for (const KernelPart part : parts) {
    for (Operation& operation : Needing(part)) {
      if (std::holds_alternative<AddCounter>(operation) && std::exchange(counter, true)) continue;
      step.operations.push_back(std::move(operation));
    }
  }
  step.operations.push_back(AddChain{kName, std::nullopt});
  return kernel->Commit(step);
}

enum class Answer : std::uint8_t { kThere, kMissing, kUnknown };

Answer AnswerOf(const Status& status) {
  switch (status.code()) {
    case Status::Code::kInvalid:
      return Answer::kThere;
    case Status::Code::kNotFound:
    case Status::Code::kUnsupported:
      return Answer::kMissing;
    default:
      return Answer::kUnknown;
  }
}

}  // namespace

KernelPartNames NamesOf(KernelPart part) {
  switch (part) {
    case KernelPart::kTables:
      return {"CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET", "nf_tables"};
    case KernelPart::kConntrack:
      return {"CONFIG_NF_CONNTRACK and CONFIG_NFT_CT", "nf_conntrack and nft_ct"};
    case KernelPart::kCounter:
      return {"CONFIG_NFT_COUNTER", "nft_counter"};
    case KernelPart::kReference:
      return {"CONFIG_NFT_OBJREF", "nft_objref"};
    case KernelPart::kLimit:
      return {"CONFIG_NFT_LIMIT", "nft_limit"};
    case KernelPart::kLog:
      return {"CONFIG_NFT_LOG and CONFIG_NETFILTER_NETLINK_LOG", "nft_log and nfnetlink_log"};
    case KernelPart::kReject:
      return {"CONFIG_NFT_REJECT and CONFIG_NFT_REJECT_INET", "nft_reject and nft_reject_inet"};
  }
  return {};
}

std::string DescribeMissing(KernelPart part) {
  const KernelPartNames names = NamesOf(part);
  return fmt::format("the kernel has no {} ({})", names.module, names.option);
}

bool OnlyForLogging(KernelPart part) {
  return part == KernelPart::kLimit || part == KernelPart::kLog;
}

const KernelPart* PartOfExpression(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kExpressions), std::end(kExpressions),
                   [&](const Expression& expression) { return expression.name == name; });
  return found == std::end(kExpressions) ? nullptr : &found->part;
}

Result<std::vector<KernelPart>> FindMissingParts(Kernel* kernel, bool reject) {
  // Without nf_tables the kernel takes every question for an invalid one.
  if (const auto generation = kernel->Generation(); !generation.ok()) {
    if (AnswerOf(generation.status()) == Answer::kUnknown) return generation.status();
    return std::vector<KernelPart>{KernelPart::kTables};
  }
  std::vector<KernelPart> parts = {KernelPart::kTables,  KernelPart::kConntrack,
                                   KernelPart::kCounter, KernelPart::kReference,
                                   KernelPart::kLimit,   KernelPart::kLog};
  if (reject) parts.push_back(KernelPart::kReject);
  // All at once: where nothing is missing this is the only question.
  Status status = Try(kernel, parts);
  if (AnswerOf(status) == Answer::kUnknown) return status;
  std::vector<KernelPart> missing;
  if (AnswerOf(status) == Answer::kThere) return missing;
  for (const KernelPart part : parts) {
    // What refers to a counter says nothing where there are none.
    const bool no_counters =
        std::find(missing.begin(), missing.end(), KernelPart::kCounter) != missing.end();
    if (part == KernelPart::kReference && no_counters) continue;
    status = Try(kernel, {part});
    if (AnswerOf(status) == Answer::kUnknown) return status;
    if (AnswerOf(status) == Answer::kMissing) missing.push_back(part);
    if (part == KernelPart::kTables && !missing.empty()) break;
  }
  return missing;
}

}  // namespace podgate::nft
