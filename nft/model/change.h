// What differs between two rulesets of one table, object by object: large sets only by the elements
// that are added and removed. The incremental compiler describes its changes so, and nobody needs
// to compare whole rulesets. Values only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nft/model/ruleset.h"

namespace podgate::nft {

// One set or map. Both definitions are without elements and are equal in all that a set keeps from
// its creation on (SameDefinition() in compare.h). Without `before` the set is new, without `after`
// it is deleted.
struct SetChange {
  std::optional<Set> before{};
  std::optional<Set> after{};
  // Sorted by key, never the same key in both. Of a new set, all its elements are added; of a
  // deleted one, all are removed if it is a map, and none otherwise.
  std::vector<Element> removed{};
  std::vector<Element> added{};
  friend bool operator==(const SetChange&, const SetChange&) = default;
};

struct ChainChange {
  std::optional<Chain> before{};
  std::optional<Chain> after{};
  friend bool operator==(const ChainChange&, const ChainChange&) = default;
};

// What is not named here exists before and after, and is the same.
struct Change {
  std::map<std::string, SetChange> sets{};      // by name
  std::map<std::string, ChainChange> chains{};  // by name
  std::set<std::string> new_counters{};
  std::set<std::string> old_counters{};  // that are deleted
  bool empty() const {
    return sets.empty() && chains.empty() && new_counters.empty() && old_counters.empty();
  }
  friend bool operator==(const Change&, const Change&) = default;
};

// The set's definition alone.
Set WithoutElements(const Set& set);

// Only between rulesets in which no name means something else (nft/plan/intermediate.h finds one
// between those in which some do).
Change Between(const Ruleset& before, const Ruleset& after);

}  // namespace podgate::nft
