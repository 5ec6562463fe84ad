// The steps of one change in which no name means something else before and after. Internal to nft/
// (see diff.h). Pure.
//
// Rules have a generation, elements have none: a packet keeps the rules that it entered with, while
// each of its look-ups sees the sets of that moment. So that no packet gets a verdict that is
// neither the old nor the new one:
//
// - Whether a pod is isolated changes with rules only. An element that is added to a live map leads
//   to a new chain that is empty until the flip, which means the same as no element; an element
//   that is deleted leads to a chain that the flip has emptied.
// - Elements of other live sets let packets pass: element_order.h has their order.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "nft/model/change.h"
#include "nft/model/ruleset.h"
#include "nft/model/step.h"

namespace podgate::nft {

class TransactionPlanner {
 public:
  // Both must outlive the planner; `after` is what the change leads to.
  TransactionPlanner(const Change& change, const Ruleset& after);

  // Once. Steps without operations are left out. `add_table`: the table does not exist, or is
  // dormant.
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
  void PlanCopies();
  void ReturnFromCopies();

  const Change& change_;
  const Ruleset& after_;
  // Chains that live maps lead to, only before or only after the change.
  std::set<std::string> entries_;
  std::set<std::string> flipped_;  // chains whose rules change in the flip
  // Sets that change by way of copies, and the names of their copies; "" where none is needed.
  std::map<std::string, std::string> copies_;
  std::set<std::string> readers_;  // chains that look those sets up after the change

  // In the order in which they are committed.
  Step prepare_;
  Step delete_;  // this, the rules' own step and the next are the flip
  Step flip_;
  Step add_;
  Step refill_;  // these two only after a flip to copies
  Step return_;
  Step sweep_;
};

}  // namespace podgate::nft
