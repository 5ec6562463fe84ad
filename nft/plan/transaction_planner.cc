#include "nft/plan/transaction_planner.h"

#include <algorithm>
#include <utility>

#include "nft/model/overloaded.h"
#include "nft/plan/element_order.h"

namespace podgate::nft {
namespace {

template <typename Operation>
void Elements(const Set& set, std::vector<Element> elements, Step* step) {
  if (elements.empty()) return;
  step->operations.push_back(Operation{set.name, set.key, set.interval, std::move(elements)});
}

std::set<std::string> SetsOf(const Chain& chain) {
  std::set<std::string> sets;
  std::set<std::string> chains;
  std::set<std::string> counters;
  for (const Rule& rule : chain.rules) CollectReferences(rule, &sets, &chains, &counters);
  return sets;
}

void Rename(const std::map<std::string, std::string>& sets, Rule* rule) {
  const auto rename = [&](std::string* name) {
    if (const auto found = sets.find(*name); found != sets.end()) *name = found->second;
  };
  for (Match& match : rule->matches) {
    if (auto* address = std::get_if<MatchAddressSet>(&match)) rename(&address->set);
    if (auto* service = std::get_if<MatchServiceSet>(&match)) rename(&service->set);
  }
}

// The place of an operation within its step. A step is one transaction, so packets see no order in
// it. But Linux 5.10 and 6.1 look for loops below the target of each jump as soon as the rule or
// the element is taken in, and would find the old rules and the new ones together: what goes has to
// go first. Chains come before the maps that lead to them, since nft adds the elements of an
// interval map with the map.
int PlaceOf(const Operation& operation) {
  return std::visit(
      Overloaded{[](const DeleteTable&) { return 0; }, [](const AddTable&) { return 1; },
                 [](const FlushChain&) { return 2; }, [](const DeleteElements&) { return 3; },
                 [](const AddCounter&) { return 4; }, [](const AddChain&) { return 5; },
                 [](const AddSet&) { return 6; }, [](const AddElements&) { return 7; },
                 [](const SetRules&) { return 8; }, [](const DeleteSet&) { return 9; },
                 [](const DeleteChain&) { return 10; }, [](const DeleteCounter&) { return 11; }},
      operation);
}

void InOrderOfTheKernel(Step* step) {
  std::stable_sort(step->operations.begin(), step->operations.end(),
                   [](const Operation& a, const Operation& b) { return PlaceOf(a) < PlaceOf(b); });
}

}  // namespace

TransactionPlanner::TransactionPlanner(const Change& change, const Ruleset& after)
    : change_(change), after_(after) {
  for (Step* step : {&prepare_, &delete_, &flip_, &add_, &refill_, &return_, &sweep_}) {
    step->family = after.family;
    step->table = after.table;
    step->phase = Phase::kFlip;
  }
  prepare_.phase = Phase::kPrepare;
  refill_.phase = Phase::kPrepare;
  sweep_.phase = Phase::kSweep;
}

std::vector<Step> TransactionPlanner::Steps(bool add_table) {
  if (add_table) prepare_.operations.push_back(AddTable{after_.comment});
  AddCounters();
  // Before the maps that lead to them: nft adds the elements of an interval map with the map.
  AddChains();
  AddSets();
  PlanRules();
  const ElementOrder order = OrderFor(change_, after_, flipped_);
  if (order == ElementOrder::kViaCopies) PlanCopies();
  ChangeElements();
  SetAllRules();
  ReturnFromCopies();
  DeleteLeftovers();
  if (order == ElementOrder::kAddFirst) std::swap(delete_, add_);
  std::vector<Step> steps;
  for (Step* step : {&prepare_, &delete_, &flip_, &add_, &refill_, &return_, &sweep_}) {
    if (step->operations.empty()) continue;
    InOrderOfTheKernel(step);
    steps.push_back(std::move(*step));
  }
  return steps;
}

void TransactionPlanner::AddCounters() {
  for (const std::string& counter : change_.new_counters)
    prepare_.operations.push_back(AddCounter{counter});
}

void TransactionPlanner::AddSets() {
  for (const auto& [name, set] : change_.sets)
    if (!set.before) prepare_.operations.push_back(AddSet{*set.after});
}

// A base chain meets packets as soon as it exists, so a new one is added in the flip.
void TransactionPlanner::AddChains() {
  for (const auto& [name, chain] : change_.chains) {
    if (chain.before) continue;
    (chain.after->base ? flip_ : prepare_).operations.push_back(AddChain{name, chain.after->base});
  }
}

// Which chains change where packets meet them: those that exist before and after, base chains, and
// those that live maps lead to.
void TransactionPlanner::PlanRules() {
  const auto is_new = [&](const std::string& chain) {
    const auto found = change_.chains.find(chain);
    return found != change_.chains.end() && !found->second.before;
  };
  const auto goes = [&](const std::string& chain) {
    const auto found = change_.chains.find(chain);
    return found != change_.chains.end() && !found->second.after;
  };
  for (const auto& [name, set] : change_.sets) {
    if (!set.before || !set.after || !set.after->verdict_map) continue;
    for (const Element& element : set.added)
      if (element.verdict && is_new(element.verdict->chain))
        entries_.insert(element.verdict->chain);
    for (const Element& element : set.removed)
      if (element.verdict && goes(element.verdict->chain)) entries_.insert(element.verdict->chain);
  }
  for (const auto& [name, chain] : change_.chains) {
    const bool base = (chain.before ? chain.before : chain.after)->base.has_value();
    if ((chain.before && chain.after) || base || entries_.count(name) != 0) flipped_.insert(name);
  }
}

void TransactionPlanner::ChangeElements() {
  for (const auto& [name, set] : change_.sets) {
    if (!set.after) continue;
    if (!set.before) {
      Elements<AddElements>(*set.after, set.added, set.after->guard ? &sweep_ : &prepare_);
    } else if (set.after->verdict_map) {
      ChangeMap(*set.after, set);
    } else if (set.after->guard) {
      Elements<DeleteElements>(*set.after, set.removed, &prepare_);
      Elements<AddElements>(*set.after, set.added, &sweep_);
    } else if (copies_.count(name) != 0) {
      Elements<DeleteElements>(*set.after, set.removed, &refill_);
      Elements<AddElements>(*set.after, set.added, &refill_);
    } else {
      Elements<DeleteElements>(*set.after, set.removed, &delete_);
      Elements<AddElements>(*set.after, set.added, &add_);
    }
  }
}

// An element whose chain is not new, or is not deleted, has no empty chain to lead to: it changes
// with the rules.
void TransactionPlanner::ChangeMap(const Set& map, const SetChange& change) {
  const auto split = [&](const std::vector<Element>& all, std::vector<Element>* entries) {
    std::vector<Element> others;
    for (const Element& element : all) {
      const bool entry = element.verdict && entries_.count(element.verdict->chain) != 0;
      (entry ? *entries : others).push_back(element);
    }
    return others;
  };
  std::vector<Element> early;
  std::vector<Element> late;
  std::vector<Element> added = split(change.added, &early);
  std::vector<Element> removed = split(change.removed, &late);
  Elements<AddElements>(map, std::move(early), &prepare_);
  Elements<DeleteElements>(map, std::move(removed), &flip_);
  Elements<AddElements>(map, std::move(added), &flip_);
  Elements<DeleteElements>(map, std::move(late), &sweep_);
}

void TransactionPlanner::SetRulesOf(const std::string& chain, const std::vector<Rule>& rules,
                                    Step* step) {
  if (const auto known = change_.chains.find(chain);
      known == change_.chains.end() || known->second.before)
    step->operations.push_back(FlushChain{chain});
  if (readers_.count(chain) == 0) {
    step->operations.push_back(SetRules{chain, rules});
    return;
  }
  std::vector<Rule> renamed = rules;
  for (Rule& rule : renamed) Rename(copies_, &rule);
  step->operations.push_back(SetRules{chain, std::move(renamed)});
}

void TransactionPlanner::SetAllRules() {
  for (const auto& [name, chain] : change_.chains) {
    if (!chain.after || (!chain.before && chain.after->rules.empty())) continue;
    SetRulesOf(name, chain.after->rules, flipped_.count(name) != 0 ? &flip_ : &prepare_);
  }
  for (const auto& [name, chain] : change_.chains) {
    if (chain.after || chain.before->rules.empty()) continue;
    // A base chain loses its rules together with the other changes; the others are not reached any
    // more.
    (flipped_.count(name) != 0 ? flip_ : sweep_).operations.push_back(FlushChain{name});
  }
}

// Copies of the live sets that change, with what those will hold, and the chains that look the sets
// up: from the flip on their rules look up the copies, and the sets again once these have changed,
// which nobody sees meanwhile. A set that no chain looks up after the flip needs no copy.
void TransactionPlanner::PlanCopies() {
  std::map<std::string, std::vector<std::string>> chains_of;  // by set
  for (const auto& [name, chain] : after_.chains)
    for (const std::string& set : SetsOf(chain)) chains_of[set].push_back(name);
  int number = 0;
  for (const auto& [name, set] : change_.sets) {
    if (!IsLive(set)) continue;
    std::string& copy_name = copies_[name];
    const auto found = chains_of.find(name);
    if (found == chains_of.end()) continue;
    Set copy = *set.after;
    do {
      copy.name = "copy-" + std::to_string(++number);
    } while (after_.sets.count(copy.name) != 0 || change_.sets.count(copy.name) != 0);
    copy_name = copy.name;
    readers_.insert(found->second.begin(), found->second.end());
    prepare_.operations.push_back(AddSet{copy});
    Elements<AddElements>(copy, after_.sets.at(name).elements, &prepare_);
    sweep_.operations.push_back(DeleteSet{copy.name});
  }
}

void TransactionPlanner::ReturnFromCopies() {
  for (const std::string& name : readers_) {
    const Chain& chain = after_.chains.at(name);
    if (change_.chains.count(name) == 0) SetRulesOf(name, chain.rules, &flip_);
    return_.operations.push_back(FlushChain{name});
    return_.operations.push_back(SetRules{name, chain.rules});
  }
}

void TransactionPlanner::DeleteLeftovers() {
  for (const auto& [name, set] : change_.sets) {
    if (set.after) continue;
    // Older kernels count the elements of a map as users of their chains until the map itself is
    // freed.
    if (set.before->verdict_map) Elements<DeleteElements>(*set.before, set.removed, &sweep_);
    sweep_.operations.push_back(DeleteSet{name});
  }
  for (const auto& [name, chain] : change_.chains)
    if (!chain.after) sweep_.operations.push_back(DeleteChain{name});
  for (const std::string& counter : change_.old_counters)
    sweep_.operations.push_back(DeleteCounter{counter});
}

}  // namespace podgate::nft
