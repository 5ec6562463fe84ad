#include "compiler/codegen/block_plan.h"

namespace podgate::compiler {

void BlockPlan::Add(const AddressSet& part) {
  const auto [it, is_new] = parts_.try_emplace(part);
  if (is_new) it->second.prefixes = part.Prefixes();
  ++it->second.uses;
}

void BlockPlan::Fit(std::size_t max_rules) {
  std::size_t rules = 0;
  for (auto& [set, part] : parts_) {
    part.inlined = part.prefixes.size() <= kInlinePrefixes;
    rules += part.uses * (part.inlined ? part.prefixes.size() : 1);
  }
  while (rules > max_rules) {
    Part* largest = nullptr;
    for (auto& [set, part] : parts_)
      if (part.inlined && part.prefixes.size() > 1 &&
          (largest == nullptr || part.prefixes.size() > largest->prefixes.size()))
        largest = &part;
    if (largest == nullptr) return;
    largest->inlined = false;
    rules -= largest->uses * (largest->prefixes.size() - 1);
  }
}

std::vector<nft::Match> BlockPlan::Matches(const AddressSet& part, nft::Side side,
                                           LookupSets* sets) const {
  const Part& plan = parts_.at(part);
  const Family family = part.intervals().front().first.family();
  if (!plan.inlined)
    return {nft::MatchAddressSet{.side = side, .family = family, .set = sets->Block(part)}};
  std::vector<nft::Match> matches;
  for (const ipset::Prefix& prefix : plan.prefixes) {
    if (prefix.length() == 0) {
      matches.emplace_back(nft::MatchFamily{.family = family});
    } else {
      matches.emplace_back(nft::MatchPrefix{.side = side, .prefix = prefix});
    }
  }
  return matches;
}

}  // namespace podgate::compiler
