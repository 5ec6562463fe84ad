// The straight way from one ruleset to another: no name means something else before and after.
// Internal to nft/ (see diff.h). Pure.
//
// Rules have a generation, elements have none: a packet keeps the rules that it entered with, while
// each of its look-ups sees the sets of that moment. So that no packet gets a verdict that is
// neither the old nor the new one:
//
// - Whether a pod is isolated changes with rules only. An element that is added to a live map leads
//   to a new chain that is empty until the flip, which means the same as no element; an element
//   that goes leads to a chain that the flip has emptied.
// - Elements of other live sets let packets pass: their order is crossing.h's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nft/model/change.h"
#include "nft/model/ruleset.h"
#include "nft/model/step.h"

namespace podgate::nft {

class TransactionPlanner {
 public:
  // Both must outlive the writer; `after` is what the change leads to.
  TransactionPlanner(const Change& change, const Ruleset& after);

  // Steps without operations are left out. `add_table`: the table is not there, or asleep.
  std::vector<Step> Steps(bool add_table);

 private:
  void AddCounters();
  void AddChains();
  void AddSets();
  void ChangeElements();
  void ChangeMap(const Set& map, const SetChange& change);
  void SetAllRules();
  void SetRulesOf(const std::string& chain, const std::vector<Rule>& rules, Step* step);
  void DeleteLeftovers();
  void PlanRules();
  void PlanAside();
  void ComeBack();

  const Change& change_;
  const Ruleset& after_;
  // Chains that live maps lead to, only before or only after the change.
  std::set<std::string> entries_;
  std::set<std::string> flipped_;  // chains whose rules change in the flip
  std::map<std::string, std::string>
      aside_;                        // sets that change aside, and their copies if they have any
  std::set<std::string> led_aside_;  // chains that look those sets up afterwards
  Step prepare_;
  Step close_;  // this, the rules' own step and the next are the flip
  Step flip_;
  Step open_;
  Step restock_;  // these two only after a flip to copies
  Step back_;
  Step sweep_;
};

}  // namespace podgate::nft
