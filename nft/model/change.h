// What differs between two rulesets of one table, object by object: large sets only by the elements
// that come and go. Whoever changes a ruleset little by little says so with this, and nobody needs
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
// its creation on (see compare.h); whichever is missing, the set is not there.
struct SetChange {
  std::optional<Set> before{};
  std::optional<Set> after{};
  // Sorted by key, never the same key in both. Of a set that comes, all its elements; of one that
  // goes, all if it is a map, else none.
  std::vector<Element> removed{};
  std::vector<Element> added{};
  friend bool operator==(const SetChange&, const SetChange&) = default;
};

struct ChainChange {
  std::optional<Chain> before{};
  std::optional<Chain> after{};
  friend bool operator==(const ChainChange&, const ChainChange&) = default;
};

// What is not named here is there before and after, and is the same.
struct Change {
  std::map<std::string, SetChange> sets{};      // by name
  std::map<std::string, ChainChange> chains{};  // by name
  std::set<std::string> new_counters{};
  std::set<std::string> old_counters{};  // that go
  bool empty() const {
    return sets.empty() && chains.empty() && new_counters.empty() && old_counters.empty();
  }
  friend bool operator==(const Change&, const Change&) = default;
};

// The set's definition alone.
Set WithoutElements(const Set& set);

// From one ruleset to another in which no name means something else (see detour.h).
Change Between(const Ruleset& before, const Ruleset& after);

}  // namespace podgate::nft
