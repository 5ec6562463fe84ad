// Steps of a change as nft text: each step is what `nft -f` would commit as one transaction.
#include <fmt/format.h>

#include <set>

#include "nft/model/canonical.h"
#include "nft/model/step.h"
#include "nft/text/print.h"
#include "nft/text/print_parts.h"

namespace podgate::nft {
namespace {

const char* PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kPrepare:
      return "prepare";
    case Phase::kFlip:
      return "flip";
    case Phase::kSweep:
      return "sweep";
  }
  return "";
}

class StepPrinter {
 public:
  explicit StepPrinter(const Step& step) : family_(step.family), table_(step.table) {}

  std::string operator()(const AddTable& op) const {
    if (op.comment.empty()) return Command("add table");
    return Command("add table", fmt::format("{{ comment \"{}\"; }}", QuotableText(op.comment)));
  }
  std::string operator()(const DeleteTable&) const { return Command("delete table"); }
  std::string operator()(const AddCounter& op) const { return Command("add counter", op.name); }
  std::string operator()(const DeleteCounter& op) const {
    return Command("delete counter", op.name);
  }
  std::string operator()(const AddSet& op) const {
    std::string body = PrintType(op.set) + ";";
    if (op.set.size != 0) body += fmt::format(" size {};", op.set.size);
    if (op.set.interval) body += " flags interval;";
    if (!op.set.comment.empty()) {
      body += fmt::format(" comment \"{}\";", QuotableText(op.set.comment));
    }
    return Command(op.set.verdict_map ? "add map" : "add set",
                   fmt::format("{} {{ {} }}", op.set.name, body));
  }
  std::string operator()(const DeleteSet& op) const { return Command("delete set", op.name); }
  std::string operator()(const AddElements& op) const {
    return Command("add element", fmt::format("{} {{ {} }}", op.set,
                                              PrintElements(op.elements, op.key, op.interval)));
  }
  std::string operator()(const DeleteElements& op) const {
    return Command(
        "delete element",
        fmt::format("{} {{ {} }}", op.set, PrintElements(op.elements, op.key, op.interval, false)));
  }
  std::string operator()(const AddChain& op) {
    empty_chains_.insert(op.name);
    if (!op.base) return Command("add chain", op.name);
    return Command("add chain", fmt::format("{} {{ {} }}", op.name, PrintBase(*op.base)));
  }
  std::string operator()(const DeleteChain& op) const { return Command("delete chain", op.name); }
  std::string operator()(const FlushChain& op) {
    empty_chains_.insert(op.name);
    return Command("flush chain", op.name);
  }
  std::string operator()(const SetRules& op) {
    std::string text;
    if (empty_chains_.erase(op.chain) == 0) text += Command("flush chain", op.chain);
    for (const Rule& rule : op.rules) text += Command("add rule", op.chain + " " + Print(rule));
    return text;
  }

 private:
  std::string Command(const char* verb, const std::string& rest = "") const {
    return fmt::format("{} {} {}{}{}\n", verb, FamilyName(family_), table_, rest.empty() ? "" : " ",
                       rest);
  }

  const TableFamily family_;
  const std::string& table_;
  std::set<std::string> empty_chains_;  // added or flushed by this step, and without rules since
};

}  // namespace

std::string Print(const Step& step, std::size_t number, std::size_t count) {
  std::string text = fmt::format("# step {} of {}: {}\n", number, count, PhaseName(step.phase));
  StepPrinter printer(step);
  for (const Operation& operation : step.operations) text += std::visit(printer, operation);
  return text;
}

std::string Print(const std::vector<Step>& steps) {
  std::string text;
  for (std::size_t i = 0; i < steps.size(); ++i) text += Print(steps[i], i + 1, steps.size());
  return text;
}

}  // namespace podgate::nft
