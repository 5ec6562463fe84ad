#include "nft/diff.h"

#include <utility>

#include "nft/compare.h"
#include "nft/detour.h"
#include "nft/forms.h"

namespace podgate::nft {
namespace {

// The straight way: no name means something else before and after. Fills the three steps part by
// part.
class Differ {
 public:
  Differ(const Ruleset& applied, const Ruleset& desired) : applied_(applied), desired_(desired) {
    for (Step* step : {&prepare_, &flip_, &sweep_}) step->table = desired.table;
    prepare_.phase = Phase::kPrepare;
    flip_.phase = Phase::kFlip;
    sweep_.phase = Phase::kSweep;
  }

  std::vector<Step> Steps(bool add_table) {
    if (add_table) prepare_.operations.push_back(AddTable{desired_.comment});
    AddCounters();
    AddChains();  // before the maps that go to them: nft adds the elements of interval maps right
                  // with the map
    AddSets();
    ChangeElements();
    SetAllRules();
    DeleteLeftovers();
    std::vector<Step> steps;
    for (Step* step : {&prepare_, &flip_, &sweep_}) {
      if (!step->operations.empty()) steps.push_back(std::move(*step));
    }
    return steps;
  }

 private:
  template <typename T>
  static const T* Find(const std::map<std::string, T>& objects, const std::string& name) {
    const auto found = objects.find(name);
    return found == objects.end() ? nullptr : &found->second;
  }

  template <typename Operation>
  static void Elements(const Set& set, std::vector<Element> elements, Step* step) {
    if (elements.empty()) return;
    step->operations.push_back(Operation{set.name, set.key, set.interval, std::move(elements)});
  }

  void AddCounters() {
    for (const std::string& counter : desired_.counters) {
      if (applied_.counters.count(counter) == 0) prepare_.operations.push_back(AddCounter{counter});
    }
  }

  void AddSets() {
    for (const auto& [name, set] : desired_.sets) {
      if (Find(applied_.sets, name) != nullptr) continue;
      Set without_elements = set;
      without_elements.elements.clear();
      prepare_.operations.push_back(AddSet{std::move(without_elements)});
    }
  }

  // A base chain meets packets as soon as it is there, so a new one comes with the flip.
  void AddChains() {
    for (const auto& [name, chain] : desired_.chains) {
      if (Find(applied_.chains, name) != nullptr) continue;
      (chain.base ? flip_ : prepare_).operations.push_back(AddChain{name, chain.base});
    }
  }

  // Deletions before additions, so that a full set has room; the keys differ, packets cannot tell.
  void ChangeElements() {
    for (const auto& [name, set] : desired_.sets) {
      const Set* before = Find(applied_.sets, name);
      if (before == nullptr) {
        Elements<AddElements>(set, set.elements, set.guard ? &sweep_ : &prepare_);
        continue;
      }
      ElementDelta delta = DeltaOf(*before, set);
      Elements<DeleteElements>(set, std::move(delta.removed), set.guard ? &prepare_ : &flip_);
      Elements<AddElements>(set, std::move(delta.added), set.guard ? &sweep_ : &flip_);
    }
  }

  void SetAllRules() {
    for (const auto& [name, chain] : desired_.chains) {
      const Chain* before = Find(applied_.chains, name);
      if (before == nullptr ? chain.rules.empty() : SameRules(before->rules, chain.rules)) continue;
      const bool hidden = before == nullptr && !chain.base;
      (hidden ? prepare_ : flip_).operations.push_back(SetRules{name, chain.rules});
    }
    for (const auto& [name, chain] : applied_.chains) {
      if (Find(desired_.chains, name) != nullptr || chain.rules.empty()) continue;
      // A base chain falls silent together with the other changes; the rest no packet reaches any
      // more.
      (chain.base ? flip_ : sweep_).operations.push_back(SetRules{name, {}});
    }
  }

  void DeleteLeftovers() {
    for (const auto& [name, set] : applied_.sets) {
      if (Find(desired_.sets, name) != nullptr) continue;
      // Older kernels count the elements of a map as users of their chains until the map itself is
      // freed.
      if (set.verdict_map) Elements<DeleteElements>(set, set.elements, &sweep_);
      sweep_.operations.push_back(DeleteSet{name});
    }
    for (const auto& [name, chain] : applied_.chains) {
      if (Find(desired_.chains, name) == nullptr) sweep_.operations.push_back(DeleteChain{name});
    }
    for (const std::string& counter : applied_.counters) {
      if (desired_.counters.count(counter) == 0) {
        sweep_.operations.push_back(DeleteCounter{counter});
      }
    }
  }

  const Ruleset& applied_;
  const Ruleset& desired_;
  Step prepare_;
  Step flip_;
  Step sweep_;
};

// All in one batch, in place of a table that cannot be kept: exact for rules and hash sets, while a
// packet may for some microseconds find a new interval set empty.
std::vector<Step> Replace(const Ruleset& desired) {
  Step step{Phase::kFlip, desired.table, {DeleteTable{}}};
  const Ruleset nothing;
  for (Step& part : Differ(nothing, desired).Steps(true)) {
    for (Operation& operation : part.operations) step.operations.push_back(std::move(operation));
  }
  return {std::move(step)};
}

}  // namespace

std::vector<Step> Diff(const Ruleset* applied, const Ruleset& desired) {
  if (applied == nullptr) {
    const Ruleset nothing;
    return Differ(nothing, desired).Steps(true);
  }
  // The only thing about a table that cannot be changed while it is there.
  if (QuotableText(applied->comment) != QuotableText(desired.comment)) return Replace(desired);
  const bool wake_table = !applied->foreign.empty();
  const std::optional<Ruleset> detour = DetourBetween(*applied, desired);
  if (!detour) return Differ(*applied, desired).Steps(wake_table);
  std::vector<Step> steps = Differ(*applied, *detour).Steps(wake_table);
  for (Step& step : Differ(*detour, desired).Steps(false)) steps.push_back(std::move(step));
  return steps;
}

}  // namespace podgate::nft
