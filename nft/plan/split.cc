#include "nft/plan/split.h"

#include <algorithm>
#include <utility>

namespace podgate::nft {
namespace {

std::size_t ElementsOf(const Operation& operation) {
  if (const auto* add = std::get_if<AddElements>(&operation)) return add->elements.size();
  if (const auto* remove = std::get_if<DeleteElements>(&operation)) return remove->elements.size();
  return 0;
}

// What the operation is worth, in elements.
std::size_t WeightOf(const Operation& operation) {
  const auto* rules = std::get_if<SetRules>(&operation);
  return 1 + ElementsOf(operation) + (rules != nullptr ? 10 * rules->rules.size() : 0);
}

// Only those with elements can be divided, and SetRules may not: it starts with an empty chain.
Operation Part(const Operation& operation, std::size_t from, std::size_t to) {
  Operation part = operation;
  const auto cut = [&](auto& op) {
    const auto begin = op.elements.begin();
    op.elements = {begin + static_cast<std::ptrdiff_t>(from),
                   begin + static_cast<std::ptrdiff_t>(to)};
  };
  if (auto* add = std::get_if<AddElements>(&part)) cut(*add);
  if (auto* remove = std::get_if<DeleteElements>(&part)) cut(*remove);
  return part;
}

}  // namespace

std::optional<std::vector<Step>> Halves(const Step& step) {
  const bool elements_only = std::all_of(step.operations.begin(), step.operations.end(),
                                         [](const Operation& op) { return ElementsOf(op) > 0; });
  if (step.phase == Phase::kFlip && !elements_only) return std::nullopt;
  std::size_t all = 0;
  for (const Operation& operation : step.operations) all += WeightOf(operation);
  std::vector<Step> halves(2, Step{step.phase, step.table, {}, step.family});
  std::size_t before = 0;
  for (const Operation& operation : step.operations) {
    const std::size_t weight = WeightOf(operation);
    const std::size_t elements = ElementsOf(operation);
    const std::size_t middle = all / 2 > before ? all / 2 - before : 0;
    before += weight;
    if (elements > 1 && middle > 0 && middle < weight) {
      const std::size_t cut = std::min(middle, elements - 1);
      halves[0].operations.push_back(Part(operation, 0, cut));
      halves[1].operations.push_back(Part(operation, cut, elements));
    } else {
      const bool first = before <= all / 2 || halves[0].operations.empty();
      halves[first ? 0 : 1].operations.push_back(operation);
    }
  }
  if (halves[0].operations.empty() || halves[1].operations.empty()) return std::nullopt;
  return halves;
}

}  // namespace podgate::nft
