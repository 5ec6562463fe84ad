// How a chain compares the ipBlocks it allows: prefix by prefix (5 ns each), or, if they are too
// many for that, with one look-up in an interval set. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "compiler/codegen/lookup_sets.h"

namespace podgate::compiler {

class BlockPlan {
 public:
  // The chain has a rule or more for `part`, a block's addresses of one family.
  void Add(const AddressSet& part);
  // Decides: no part has more than kInlinePrefixes rules, all parts together at most `max_rules`
  // unless even one look-up for each is more than that.
  void Fit(std::size_t max_rules);
  // After Fit: one match for each rule. A whole family needs no address.
  std::vector<nft::Match> Matches(const AddressSet& part, nft::Side side, LookupSets* sets) const;

 private:
  struct Part {
    std::vector<ipset::Prefix> prefixes;
    std::size_t uses = 0;
    bool inlined = true;
  };
  std::map<AddressSet, Part> parts_;
};

inline constexpr std::size_t kInlinePrefixes = 16;

}  // namespace podgate::compiler
