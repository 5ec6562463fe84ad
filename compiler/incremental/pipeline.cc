#include "compiler/incremental/pipeline.h"

#include <algorithm>
#include <utility>

#include "compiler/codegen/base_chains.h"
#include "compiler/codegen/class_chain.h"
#include "compiler/codegen/lookup_sets.h"
#include "compiler/codegen/set_definitions.h"

namespace podgate::compiler {
namespace {

std::size_t IndexOf(Family family) { return family == Family::kIPv4 ? 0 : 1; }

// It needs another name than it has, or has none yet.
bool NeedsName(const MemberSet& set) {
  return set.name.empty() || set.capacity != SizeFor(set.size, set.capacity);
}

nft::Set DefinitionOf(const MemberSet& set) {
  const std::uint32_t size = SizeFor(set.size, set.capacity);
  return set.named.empty() ? PodSet(set.terms, set.family, size)
                           : NamedPortSet(set.named, set.family, size);
}

}  // namespace

// Gives a class's chain the sets that it looks up, and remembers which.
class Pipeline::Sets : public LookupSets {
 public:
  Sets(PeerIndex* peers, NamespaceBudget::Meter* meter, nft::Ruleset* out)
      : LookupSets(out), peers_(peers), meter_(*meter) {}

  bool full() const override { return meter_.full(); }
  std::string Pods(const std::set<PodTerm>& terms, Family family) override {
    return meter_.full() ? std::string() : NameOf(peers_->PodSet(terms, family));
  }
  std::string NamedPorts(const std::vector<NamedPortUse>& uses, Family family) override {
    return meter_.full() ? std::string() : NameOf(peers_->NamedPortSet(uses, family));
  }
  std::set<MemberSet*> Take() { return std::move(used_); }

 private:
  // All changes are known by now: a set that outgrows its step gets its new name here.
  std::string NameOf(MemberSet* set) {
    used_.insert(set);
    meter_.Add(*set);
    return NeedsName(*set) ? DefinitionOf(*set).name : set->name;
  }

  PeerIndex* peers_;
  NamespaceBudget::Meter& meter_;
  std::set<MemberSet*> used_;
};

namespace {

// Counts the sets of pods that a class looks up, without making them.
class CountedSets : public LookupSets {
 public:
  CountedSets(const NamespaceBudget::Meter* meter, nft::Ruleset* out)
      : LookupSets(out), meter_(meter) {}
  // They are more than there is room for.
  bool full() const override { return meter_->TooMany(pods_.size() + named_.size()); }
  std::string Pods(const std::set<PodTerm>& terms, Family family) override {
    pods_.insert({family, terms});
    return {};
  }
  std::string NamedPorts(const std::vector<NamedPortUse>& uses, Family family) override {
    named_.insert({family, uses});
    return {};
  }

 private:
  const NamespaceBudget::Meter* meter_;
  std::set<std::pair<Family, std::set<PodTerm>>> pods_;
  std::set<std::pair<Family, std::vector<NamedPortUse>>> named_;
};

// A class with fewer entries is compiled as fast as it is counted.
constexpr std::size_t kManyEntries = 64;

bool NeedsTooMany(const PolicyClass& built, const NamespaceBudget::Meter& meter) {
  if (built.entries.size() < kManyEntries) return false;
  nft::Ruleset nowhere;
  CountedSets counted(&meter, &nowhere);
  CompileClass(built, &counted);
  return counted.full();
}

}  // namespace

Pipeline::Pipeline(std::string node, const CompileOptions& options, const NamespaceLimits& limits)
    : node_(std::move(node)),
      options_(options),
      pods_(&symbols_, node_),
      peers_(&symbols_, &pods_),
      policies_(&symbols_),
      assembly_(BaseChains(node_, options)),
      budget_(limits) {
  for (std::size_t direction = 0; direction < kDirections.size(); ++direction) {
    for (std::size_t i = 0; i < kFamilies.size(); ++i) {
      dispatch_[direction][i] = DefineDispatch(kDirections[direction], kFamilies[i], 0);
      assembly_.AddSet(dispatch_[direction][i].map);
      assembly_.AddSet(dispatch_[direction][i].guard);
    }
    PutDispatch(direction);
  }
}

void Pipeline::PutDispatch(std::size_t direction) {
  static const std::vector<ipset::Prefix> kNone;
  assembly_.PutChain(DispatchChain(kDirections[direction], dispatch_[direction],
                                   entries_[direction].empty() ? kNone : options_.groups));
}

// Counters stay: both denying chains have theirs whatever is chosen.
bool Pipeline::SetOptions(const CompileOptions& options) {
  if (options == options_) return false;
  const bool regrouped = options.groups != options_.groups;
  const nft::Ruleset before = BaseChains(node_, std::exchange(options_, options));
  const nft::Ruleset after = BaseChains(node_, options_);
  for (const auto& [name, chain] : before.chains)
    if (!after.chains.contains(name)) assembly_.RemoveChain(name);
  for (const auto& [name, chain] : after.chains) assembly_.PutChain(chain);
  for (std::size_t direction = 0; regrouped && direction < kDirections.size(); ++direction)
    PutDispatch(direction);
  return regrouped || before.chains != after.chains;
}

// ---- events -----------------------------------------------------------------------------------

void Pipeline::AddSharers(const std::vector<Address>& addresses, const PodRecord* of,
                          std::vector<const PodRecord*>* sharers) const {
  for (const Address& address : addresses) {
    pods_.VisitClaimants(address, [&](const PodRecord* other) {
      const bool known = std::find(sharers->begin(), sharers->end(), other) != sharers->end();
      if (other != of && !known) sharers->push_back(other);
    });
  }
}

void Pipeline::TakeOut(const std::vector<const PodRecord*>& pods) {
  for (const PodRecord* pod : pods) peers_.TakeOut(*pod);
}

void Pipeline::PutIn(const std::vector<const PodRecord*>& pods) {
  for (const PodRecord* pod : pods) peers_.PutIn(*pod);
}

void Pipeline::MarkLocal(const PodRecord& pod) {
  if (pods_.IsLocal(pod)) dirty_pods_.insert(pods_.KeyOf(pod));
}

// Those of the addresses that were or are shared by local pods.
void Pipeline::MarkShared(const std::vector<Address>& addresses) {
  for (const Address& address : addresses)
    if (shared_.contains(address) || pods_.contested().contains(address))
      dirty_shared_.insert(address);
}

void Pipeline::SetLocal(const ObjectKey& key, const PodRecord* pod) {
  if (pod != nullptr && pods_.IsLocal(*pod)) {
    all_local_.insert(key);
    dirty_pods_.insert(key);
    ++local_changes_;
  } else {
    local_changes_ += all_local_.erase(key);
  }
}

bool Pipeline::Put(const Pod& pod) {
  const PodRecord* known = pods_.Find(pod.key);
  if (known != nullptr && pods_.Holds(*known, pod)) return false;
  // Pods that have an address in common with it, before or after, may come to own it or lose it.
  std::vector<const PodRecord*> sharers;
  AddSharers(pod.addresses, known, &sharers);
  if (known != nullptr) {
    AddSharers(known->addresses, known, &sharers);
    MarkLocal(*known);
    MarkShared(known->addresses);
    peers_.TakeOut(*known);
  }
  TakeOut(sharers);
  const PodRecord* now = pods_.Put(pod);
  MarkShared(pod.addresses);
  if (now->identity->pods.size() == 1) peers_.Classify(now->identity);
  peers_.PutIn(*now);
  PutIn(sharers);
  SetLocal(pod.key, now);
  for (const PodRecord* other : sharers) MarkLocal(*other);
  return true;
}

bool Pipeline::RemovePod(const ObjectKey& key) {
  const PodRecord* known = pods_.Find(key);
  if (known == nullptr) return false;
  std::vector<const PodRecord*> sharers;
  AddSharers(known->addresses, known, &sharers);
  MarkLocal(*known);
  MarkShared(known->addresses);
  peers_.TakeOut(*known);
  TakeOut(sharers);
  pods_.Remove(key);
  for (std::set<ObjectKey>& held : held_isolation_) held.erase(key);
  PutIn(sharers);
  SetLocal(key, nullptr);
  for (const PodRecord* other : sharers) MarkLocal(*other);
  return true;
}

void Pipeline::HoldIsolation(const ObjectKey& pod, Direction direction) {
  if (!all_local_.contains(pod)) return;
  held_isolation_[direction == kDirections[0] ? 0 : 1].insert(pod);
  dirty_pods_.insert(pod);
}

bool Pipeline::ReleaseIsolation(const std::string& ns) {
  bool any = false;
  for (std::set<ObjectKey>& held : held_isolation_) {
    for (auto it = held.lower_bound({ns, ""}); it != held.end() && it->ns == ns;) {
      dirty_pods_.insert(*it);
      it = held.erase(it);
      any = true;
    }
  }
  return any;
}

// Local pods that the policy selects, as it is at this moment.
void Pipeline::MarkSelected(const ObjectKey& policy) {
  VisitLocalPodsIn(policy.ns, [&](const ObjectKey& key, const PodRecord& pod) {
    if (policies_.Selects(policy, *pod.identity->labels)) dirty_pods_.insert(key);
  });
}

void Pipeline::MarkClasses(const ObjectKey& policy) {
  const auto found = classes_of_policy_.find(policy);
  if (found != classes_of_policy_.end())
    dirty_classes_.insert(found->second.begin(), found->second.end());
}

bool Pipeline::Put(const NetworkPolicy& policy) {
  if (policies_.Holds(policy)) return false;
  MarkSelected(policy.key);
  policies_.Put(policy);
  MarkSelected(policy.key);
  MarkClasses(policy.key);
  return true;
}

bool Pipeline::RemovePolicy(const ObjectKey& key) {
  if (!policies_.Contains(key)) return false;
  MarkSelected(key);
  policies_.Remove(key);
  MarkClasses(key);
  return true;
}

// ---- local pods and their classes -------------------------------------------------------------

Pipeline::Classes::value_type* Pipeline::Join(const ClassKey& key,
                                              const std::vector<Address>& addresses) {
  const auto [it, is_new] = classes_.try_emplace(key);
  if (is_new) {
    it->second.chain = ClassChainName(key);
    for (const ObjectKey& policy : key.policies) classes_of_policy_[policy].insert(&*it);
    dirty_classes_.insert(&*it);
  }
  ++it->second.pods;
  CountFamilies(&*it, addresses, 1);
  return &*it;
}

void Pipeline::Leave(Classes::value_type* its_class, const std::vector<Address>& addresses) {
  --its_class->second.pods;
  CountFamilies(its_class, addresses, -1);
}

// The first address of a family, and the last, change the class's rules.
void Pipeline::CountFamilies(Classes::value_type* its_class, const std::vector<Address>& addresses,
                             int by) {
  for (const Address& address : addresses) {
    std::size_t& count = its_class->second.addresses[IndexOf(address.family())];
    const bool was_there = count > 0;
    count += static_cast<std::size_t>(by);
    if (was_there != (count > 0)) dirty_classes_.insert(its_class);
  }
}

std::optional<ClassKey> Pipeline::LocalClassOf(
    std::size_t direction, const PodRecord& pod,
    const std::vector<const NetworkPolicy*>& policies) const {
  std::optional<ClassKey> key = ClassOf(kDirections[direction], policies, *pod.ports);
  if (key || held_isolation_[direction].empty()) return key;
  const ObjectKey name = pods_.KeyOf(pod);
  if (!held_isolation_[direction].contains(name)) return key;
  // Of no policy that there is: it allows nothing.
  return ClassKey{kDirections[direction], {{name.ns, "~isolated-before"}}, {}};
}

void Pipeline::RefreshLocal(const ObjectKey& key) {
  const auto known = locals_.find(key);
  const Local before = known == locals_.end() ? Local() : known->second;
  Local after;
  bool isolated = false;
  const PodRecord* pod = pods_.Find(key);
  if (pod != nullptr && pods_.IsLocal(*pod)) {
    const std::vector<OwnedAddress> owned = pods_.Owned(*pod);
    for (const OwnedAddress& one : owned) {
      if (one.others.empty()) {
        after.addresses.push_back(one.address);
      } else {
        dirty_shared_.insert(one.address);
      }
    }
    if (!owned.empty()) {
      const std::vector<const NetworkPolicy*> policies =
          policies_.Selecting(key.ns, *pod->identity->labels);
      for (std::size_t i = 0; i < kDirections.size(); ++i) {
        const std::optional<ClassKey> its_class = LocalClassOf(i, *pod, policies);
        isolated = isolated || its_class;
        if (its_class && !after.addresses.empty())
          after.classes[i] = Join(*its_class, after.addresses);
      }
    }
  }
  for (std::size_t i = 0; i < kDirections.size(); ++i) {
    if (before.classes[i] != nullptr) Leave(before.classes[i], before.addresses);
    SetEntries(i, {key}, before, after);
  }
  if (isolated) {
    locals_[key] = std::move(after);
  } else if (known != locals_.end()) {
    locals_.erase(known);
  }
}

// After the pods themselves: an address may have become one pod's own, or have been that.
void Pipeline::RefreshShared(const Address& address) {
  const auto known = shared_.find(address);
  const Shared before = known == shared_.end() ? Shared() : known->second;
  Shared after;
  const std::vector<const PodRecord*> owners = pods_.Owners(address);
  if (owners.size() > 1 && pods_.IsLocal(*owners.front())) {
    for (const PodRecord* owner : owners) after.pods.push_back(pods_.KeyOf(*owner));
    std::sort(after.pods.begin(), after.pods.end());
    after.local.addresses = {address};
    std::array<std::set<ClassKey>, kDirections.size()> classes;
    for (const PodRecord* owner : owners) {
      const std::vector<const NetworkPolicy*> policies =
          policies_.Selecting(symbols_.Text(owner->identity->ns), *owner->identity->labels);
      for (std::size_t i = 0; i < kDirections.size(); ++i)
        if (std::optional<ClassKey> its_class = LocalClassOf(i, *owner, policies))
          classes[i].insert(*std::move(its_class));
    }
    for (std::size_t i = 0; i < kDirections.size(); ++i)
      if (const std::optional<ClassKey> its_class = ClassOfAll(classes[i]))
        after.local.classes[i] = Join(*its_class, after.local.addresses);
  }
  bool isolated = false;
  for (std::size_t i = 0; i < kDirections.size(); ++i) {
    if (before.local.classes[i] != nullptr) Leave(before.local.classes[i], before.local.addresses);
    SetEntries(i, before.pods, before.local, {});
    SetEntries(i, after.pods, {}, after.local);
    isolated = isolated || after.local.classes[i] != nullptr;
  }
  if (isolated) {
    shared_[address] = std::move(after);
  } else if (known != shared_.end()) {
    shared_.erase(known);
  }
}

void Pipeline::SetEntries(std::size_t direction, const std::vector<ObjectKey>& pods,
                          const Local& before, const Local& after) {
  std::map<Address, Entry>& entries = entries_[direction];
  if (before.classes[direction] != nullptr) {
    for (const Address& address : before.addresses) {
      const auto entry = entries.find(address);
      // Another pod may have taken the address over a moment ago.
      if (entry == entries.end() || entry->second.pods != pods) continue;
      entries.erase(entry);
      dirty_addresses_[direction].insert(address);
    }
  }
  if (after.classes[direction] == nullptr) return;
  for (const Address& address : after.addresses) {
    entries[address] = {pods, after.classes[direction]->second.chain};
    dirty_addresses_[direction].insert(address);
  }
}

// ---- from what has changed to the ruleset -----------------------------------------------------

nft::Change Pipeline::Update() {
  for (const ObjectKey& pod : dirty_pods_) RefreshLocal(pod);
  dirty_pods_.clear();
  for (const Address& address : std::exchange(dirty_shared_, {})) RefreshShared(address);
  MarkResizedSets();
  CompileClasses();
  WriteSets();
  for (std::size_t i = 0; i < kDirections.size(); ++i) WriteEntries(i);
  return assembly_.Take();
}

// A set's name says its size, and rules name sets: if the size changes, so do the rules.
void Pipeline::MarkResizedSets() {
  for (MemberSet* set : peers_.changed()) {
    if (set->name.empty() || !NeedsName(*set)) continue;
    const auto users = classes_of_set_.find(set);
    dirty_classes_.insert(users->second.begin(), users->second.end());
  }
}

// Those that go make room for those that come. In the order of their keys: it decides who gets the
// room that is left in a namespace, and should not depend on addresses in memory.
void Pipeline::CompileClasses() {
  std::vector<Classes::value_type*> dirty;
  for (Classes::value_type* its_class : std::exchange(dirty_classes_, {})) {
    if (its_class->second.pods > 0) {
      dirty.push_back(its_class);
    } else {
      DropClass(its_class);
    }
  }
  std::sort(dirty.begin(), dirty.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  for (Classes::value_type* its_class : dirty) CompileOne(its_class);
}

void Pipeline::CompileOne(Classes::value_type* its_class) {
  auto& [key, state] = *its_class;
  std::set<Family> families;
  for (std::size_t i = 0; i < kFamilies.size(); ++i)
    if (state.addresses[i] > 0) families.insert(kFamilies[i]);
  const std::string& ns = key.policies.front().ns;
  if (!state.is_new) budget_.Leave(ns, state.use);
  NamespaceBudget::Meter meter = budget_.Measure(ns, pods_.size());
  nft::Ruleset piece;
  Sets sets(&peers_, &meter, &piece);
  PolicyClass built = BuildClass(policies_.in_use(), key, families);
  const bool too_many = NeedsTooMany(built, meter);
  if (!too_many) CompileClass(built, &sets);
  NamespaceBudget::Use use;
  use.members = sets.Take();
  for (const auto& [name, set] : piece.sets) {
    use.fixed.emplace(name, set.elements.size());
    meter.Add(name, set.elements.size());
  }
  if (too_many || meter.full()) {
    for (MemberSet* set : use.members)
      if (classes_of_set_[set].empty()) unused_sets_.insert(set);
    use = {};
    piece = {};
    built.entries.clear();
    built.over_budget = OverBudget::kNamespace;
    CompileClass(built, &sets);
  }
  SetOverBudget(its_class, built.over_budget);
  const SharedNames names = assembly_.Use(std::move(piece));
  assembly_.Release(std::exchange(state.names, names));
  budget_.Enter(ns, use);
  state.is_new = false;
  const NamespaceBudget::Use before = std::exchange(state.use, std::move(use));
  for (MemberSet* set : state.use.members) classes_of_set_[set].insert(its_class);
  for (MemberSet* set : before.members)
    if (!state.use.members.contains(set)) ReleaseSet(set, its_class);
}

void Pipeline::SetOverBudget(Classes::value_type* its_class, OverBudget over) {
  auto& [key, state] = *its_class;
  if (over == OverBudget::kNamespace) {
    without_room_.insert(key);
  } else {
    without_room_.erase(key);
  }
  if (std::exchange(state.over_budget, over) != over && over != OverBudget::kNo)
    refused_.push_back({.policies = key.policies, .over = over});
}

bool Pipeline::RetryRefused() {
  if (without_room_.empty()) return false;
  auto next = without_room_.upper_bound(retried_);
  if (next == without_room_.end()) next = without_room_.begin();
  retried_ = *next;
  dirty_classes_.insert(&*classes_.find(*next));
  return true;
}

void Pipeline::DropClass(Classes::value_type* its_class) {
  assembly_.Release(its_class->second.names);
  for (MemberSet* set : its_class->second.use.members) ReleaseSet(set, its_class);
  if (!its_class->second.is_new)
    budget_.Leave(its_class->first.policies.front().ns, its_class->second.use);
  without_room_.erase(its_class->first);
  for (const ObjectKey& policy : its_class->first.policies) {
    const auto classes = classes_of_policy_.find(policy);
    classes->second.erase(its_class);
    if (!classes->second.empty()) continue;
    policies_.PutAway(policy);
    classes_of_policy_.erase(classes);
  }
  classes_.erase(its_class->first);
}

void Pipeline::ReleaseSet(MemberSet* set, Classes::value_type* user) {
  std::set<Classes::value_type*>& users = classes_of_set_.at(set);
  users.erase(user);
  if (users.empty()) unused_sets_.insert(set);
}

void Pipeline::WriteSets() {
  for (MemberSet* set : std::exchange(unused_sets_, {})) {
    if (!classes_of_set_.at(set).empty()) continue;  // another class has come to use it
    classes_of_set_.erase(set);
    if (!set->name.empty()) assembly_.RemoveSet(set->name);
    peers_.Drop(set);
  }
  for (MemberSet* set : peers_.TakeChanged()) {
    const std::map<nft::Key, int> changes = std::exchange(set->changes, {});
    if (NeedsName(*set)) {
      nft::Set definition = DefinitionOf(*set);
      const std::string before = std::exchange(set->name, definition.name);
      set->capacity = definition.size;
      if (before.empty()) {
        assembly_.AddSet(std::move(definition));
      } else {
        assembly_.Rename(before, std::move(definition));
      }
    }
    assembly_.ChangeKeys(set->name, changes);
  }
}

void Pipeline::WriteEntries(std::size_t direction) {
  const std::set<Address> dirty = std::exchange(dirty_addresses_[direction], {});
  if (dirty.empty()) return;
  const std::map<Address, Entry>& entries = entries_[direction];
  std::array<std::vector<Address>, kFamilies.size()> come;
  std::array<std::vector<Address>, kFamilies.size()> gone;
  for (const Address& address : dirty) {
    const std::string name = AddressChainName(kDirections[direction], address);
    const bool was_there = assembly_.ruleset().chains.contains(name);
    const auto entry = entries.find(address);
    if (entry != entries.end()) {
      assembly_.PutChain(AddressChain(kDirections[direction], entry->second.pods, address,
                                      entry->second.class_chain));
    } else if (was_there) {
      assembly_.RemoveChain(name);
    }
    const bool is_there = entry != entries.end();
    if (is_there && !was_there) come[IndexOf(address.family())].push_back(address);
    if (!is_there && was_there) gone[IndexOf(address.family())].push_back(address);
  }
  for (std::size_t i = 0; i < kFamilies.size(); ++i) {
    if (!come[i].empty() || !gone[i].empty()) WriteDispatch(direction, i, come[i], gone[i]);
  }
  PutDispatch(direction);
}

// Map and guard are replaced if they have outgrown their step, or fit the smaller one again.
void Pipeline::WriteDispatch(std::size_t direction, std::size_t family,
                             const std::vector<Address>& come, const std::vector<Address>& gone) {
  Dispatch& dispatch = dispatch_[direction][family];
  const std::size_t before = assembly_.ruleset().sets.at(dispatch.map.name).elements.size();
  Dispatch now =
      DefineDispatch(kDirections[direction], kFamilies[family], before + come.size() - gone.size());
  if (now.map.name != dispatch.map.name) {
    assembly_.Rename(dispatch.map.name, now.map);
    assembly_.Rename(dispatch.guard.name, now.guard);
    dispatch = std::move(now);
  }
  for (const Address& address : gone) {
    assembly_.RemoveElement(dispatch.map.name, nft::AddressKey(address));
    assembly_.RemoveElement(dispatch.guard.name, nft::AddressKey(address));
  }
  for (const Address& address : come) {
    assembly_.AddElement(dispatch.map.name, DispatchElement(kDirections[direction], address));
    assembly_.AddElement(dispatch.guard.name, GuardElement(address));
  }
}

}  // namespace podgate::compiler
