#include "nft/diff.h"

#include <algorithm>
#include <set>
#include <utility>

#include "nft/compare.h"
#include "nft/detour.h"
#include "nft/forms.h"

namespace podgate::nft {
namespace {

// The straight way: no name means something else before and after. Fills the steps part by part.
//
// Rules have a generation, elements have none: a packet keeps the rules that it entered with, while
// each of its look-ups sees the sets of that moment. So that no packet gets a verdict that is
// neither the old nor the new one:
//
// - Whether a pod is isolated changes with rules only. An element that is added to a live map leads
//   to a new chain that is empty until the flip, which means the same as no element; an element
//   that goes leads to a chain that the flip has emptied.
// - Elements of other live sets let packets pass, so those that go, go before the flip, and those
//   that come, come after it: in between, packets pass only if the old ruleset and the new one let
//   them pass.
class Differ {
 public:
  Differ(const Ruleset& applied, const Ruleset& desired) : applied_(applied), desired_(desired) {
    for (Step* step : {&prepare_, &tighten_, &flip_, &loosen_, &sweep_}) {
      step->table = desired.table;
      step->phase = Phase::kFlip;
    }
    prepare_.phase = Phase::kPrepare;
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
    // If all that happens is that one pod moves from set to set, it may be in both meanwhile: of
    // two look-ups on a packet's way only one asks for it, so that no packet is lost either.
    if (flip_.operations.empty() && OneAddressMoves()) std::swap(tighten_, loosen_);
    for (Step* step : {&prepare_, &tighten_, &flip_, &loosen_, &sweep_}) {
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

  void ChangeElements() {
    for (const auto& [name, set] : desired_.sets) {
      const Set* before = Find(applied_.sets, name);
      if (before == nullptr) {
        Elements<AddElements>(set, set.elements, set.guard ? &sweep_ : &prepare_);
        continue;
      }
      ElementDelta delta = DeltaOf(*before, set);
      if (set.verdict_map) {
        ChangeMap(set, std::move(delta));
        continue;
      }
      Elements<DeleteElements>(set, std::move(delta.removed), set.guard ? &prepare_ : &tighten_);
      Elements<AddElements>(set, std::move(delta.added), set.guard ? &sweep_ : &loosen_);
    }
  }

  // Whether the elements that come and go in live sets are those of one address (of each family).
  bool OneAddressMoves() const {
    std::map<Field, Key> addresses;
    for (const Step* step : {&tighten_, &loosen_}) {
      for (const Operation& operation : step->operations) {
        const auto all_of = [&](const auto& change) {
          const Field family = change.key.front();
          if (family != Field::kIpv4Addr && family != Field::kIpv6Addr) return false;
          const std::size_t bytes = family == Field::kIpv4Addr ? 4 : 16;
          return std::all_of(change.elements.begin(), change.elements.end(),
                             [&](const Element& element) {
                               const Key address = element.key.substr(0, bytes);
                               return addresses.emplace(family, address).first->second == address;
                             });
        };
        const auto* add = std::get_if<AddElements>(&operation);
        const auto* remove = std::get_if<DeleteElements>(&operation);
        if ((add != nullptr && !all_of(*add)) || (remove != nullptr && !all_of(*remove)))
          return false;
      }
    }
    return true;
  }

  // Elements whose chain is not new (is not going) have no empty chain to lead to: they change with
  // the rules.
  void ChangeMap(const Set& map, ElementDelta delta) {
    std::vector<Element> early;
    std::vector<Element> late;
    const auto take = [](std::vector<Element>* from, std::vector<Element>* to, auto belongs) {
      const auto rest = std::stable_partition(from->begin(), from->end(), [&](const Element& e) {
        return !e.verdict || !belongs(e.verdict->chain);
      });
      to->assign(rest, from->end());
      from->erase(rest, from->end());
    };
    take(&delta.added, &early, [&](const std::string& chain) {
      return !chain.empty() && Find(applied_.chains, chain) == nullptr;
    });
    take(&delta.removed, &late, [&](const std::string& chain) {
      return Find(applied_.chains, chain) != nullptr && Find(desired_.chains, chain) == nullptr;
    });
    for (const std::vector<Element>* entries : {&early, &late}) {
      for (const Element& element : *entries) entries_.insert(element.verdict->chain);
    }
    Elements<AddElements>(map, std::move(early), &prepare_);
    Elements<DeleteElements>(map, std::move(delta.removed), &flip_);
    Elements<AddElements>(map, std::move(delta.added), &flip_);
    Elements<DeleteElements>(map, std::move(late), &sweep_);
  }

  void SetAllRules() {
    for (const auto& [name, chain] : desired_.chains) {
      const Chain* before = Find(applied_.chains, name);
      if (before == nullptr ? chain.rules.empty() : SameRules(before->rules, chain.rules)) continue;
      const bool hidden = before == nullptr && !chain.base && entries_.count(name) == 0;
      (hidden ? prepare_ : flip_).operations.push_back(SetRules{name, chain.rules});
    }
    for (const auto& [name, chain] : applied_.chains) {
      if (Find(desired_.chains, name) != nullptr || chain.rules.empty()) continue;
      // A base chain falls silent together with the other changes; the rest no packet reaches any
      // more.
      (chain.base || entries_.count(name) != 0 ? flip_ : sweep_)
          .operations.push_back(SetRules{name, {}});
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
  // Chains that live maps lead to, only before or only after the change.
  std::set<std::string> entries_;
  Step prepare_;
  Step tighten_;  // this, the rules' own step and the next are the flip
  Step flip_;
  Step loosen_;
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
