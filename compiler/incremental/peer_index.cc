#include "compiler/incremental/peer_index.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <unordered_set>

namespace podgate::compiler {
namespace {

bool Names(const NamedPortUse& use, const NamedPort& port) {
  return std::find(use.ports.begin(), use.ports.end(), std::pair(port.name, port.protocol)) !=
         use.ports.end();
}

// Terms that an identity remembers. Hardly any has more; where one does, they are looked for each
// time, so that the memory does not grow as terms times identities.
constexpr std::size_t kTermsKept = 64;

std::set<std::pair<std::string, Protocol>> PortsOf(const std::vector<NamedPortUse>& uses) {
  std::set<std::pair<std::string, Protocol>> ports;
  for (const NamedPortUse& use : uses) ports.insert(use.ports.begin(), use.ports.end());
  return ports;
}

}  // namespace

PeerIndex::~PeerIndex() = default;

// ---- what a pod is a member of ----------------------------------------------------------------

void PeerIndex::Change(MemberSet* set, nft::Key key, int by) {
  const auto it = set->changes.try_emplace(std::move(key), 0).first;
  it->second += by;
  if (it->second == 0) set->changes.erase(it);
  set->size += static_cast<std::size_t>(by);
  changed_.insert(set);
}

// What the pod owns, but for addresses that are counted with another owner: once with all of them.
std::vector<OwnedAddress> PeerIndex::Counted(const PodRecord& pod) const {
  std::vector<OwnedAddress> owned = pods_->Owned(pod);
  std::erase_if(owned, [&pod](const OwnedAddress& one) {
    return std::any_of(one.others.begin(), one.others.end(), [&pod](const PodRecord* other) {
      return std::less<const PodRecord*>()(other, &pod);
    });
  });
  return owned;
}

bool PeerIndex::SelectsAll(const PeerTerm& term, const PodRecord& pod,
                           const OwnedAddress& owned) const {
  return Selects(term, *pod.identity) &&
         std::all_of(owned.others.begin(), owned.others.end(),
                     [&](const PodRecord* other) { return Selects(term, *other->identity); });
}

void PeerIndex::CountIn(MemberSet* set, const PodRecord& pod,
                        const std::vector<OwnedAddress>& owned, int by) {
  if (!set->named.empty()) return CountNamed(set, pod, owned, by);
  for (const OwnedAddress& one : owned) {
    if (one.address.family() != set->family) continue;
    const bool member =
        one.others.empty() ||
        std::any_of(set->pod_terms.begin(), set->pod_terms.end(),
                    [&](const PeerTerm* term) { return SelectsAll(*term, pod, one); });
    if (member) Change(set, nft::AddressKey(one.address), by);
  }
}

void PeerIndex::CountNamed(MemberSet* set, const PodRecord& pod,
                           const std::vector<OwnedAddress>& owned, int by) {
  for (const OwnedAddress& one : owned) {
    const Address& address = one.address;
    if (address.family() != set->family) continue;
    std::set<nft::Key> keys;  // two names may have one number
    for (const NamedPort& port : *pod.ports) {
      const bool agreed =
          std::all_of(one.others.begin(), one.others.end(), [&port](const PodRecord* other) {
            return std::binary_search(other->ports->begin(), other->ports->end(), port);
          });
      if (!agreed) continue;
      for (std::size_t i = 0; i < set->uses.size(); ++i) {
        const MemberSet::Use& use = set->uses[i];
        if (!Names(set->named[i], port)) continue;
        const bool peer =
            use.any || use.blocks.Contains(address) ||
            std::any_of(use.terms.begin(), use.terms.end(),
                        [&](const PeerTerm* term) { return SelectsAll(*term, pod, one); });
        if (!peer) continue;
        keys.insert(nft::AddressProtocolServiceKey(
            address, static_cast<std::uint8_t>(port.protocol), port.port));
      }
    }
    for (const nft::Key& key : keys) Change(set, key, by);
  }
}

void PeerIndex::Count(const PodRecord& pod, int by) {
  const Identity& identity = *pod.identity;
  if (identity.terms.empty() && !identity.crowded && (by_port_.empty() || pod.ports->empty()))
    return;
  const std::vector<OwnedAddress> owned = Counted(pod);
  if (owned.empty()) return;
  std::set<MemberSet*> sets;
  VisitTerms(identity, [&](const PeerTerm* term) {
    sets.insert(term->pod_sets.begin(), term->pod_sets.end());
  });
  for (const NamedPort& port : *pod.ports)
    if (const auto it = by_port_.find({port.name, port.protocol}); it != by_port_.end())
      sets.insert(it->second.begin(), it->second.end());
  for (MemberSet* set : sets) CountIn(set, pod, owned, by);
}

// ---- terms ------------------------------------------------------------------------------------

bool PeerIndex::Selects(const PeerTerm& term, const Identity& identity) const {
  const bool in_namespace = term.namespaces == nullptr
                                ? term.ns == identity.ns
                                : term.namespaces->matched.contains(symbols_->Text(identity.ns));
  return in_namespace && term.pods.Matches(*identity.labels);
}

template <typename Visit>
void PeerIndex::VisitTerms(const Identity& identity, const Visit& visit) const {
  if (!identity.crowded) {
    std::for_each(identity.terms.begin(), identity.terms.end(), visit);
    return;
  }
  const auto consider = [&](PeerTerm* term) {
    if (Selects(*term, identity)) visit(term);
  };
  const auto here = in_namespace_.find(identity.ns);
  if (here != in_namespace_.end()) here->second.VisitCandidates(*identity.labels, consider);
  anywhere_.VisitCandidates(*identity.labels, consider);
}

void PeerIndex::Join(Identity* identity, PeerTerm* term) {
  if (identity->crowded) return;
  if (identity->terms.size() < kTermsKept) return identity->terms.push_back(term);
  identity->terms = {};
  identity->crowded = true;
}

void PeerIndex::Classify(Identity* identity) {
  std::vector<PeerTerm*> terms;
  identity->terms = {};
  identity->crowded = true;  // all of them are looked for
  VisitTerms(*identity, [&](PeerTerm* term) {
    if (terms.size() <= kTermsKept) terms.push_back(term);
  });
  if (terms.size() > kTermsKept) return;
  terms.shrink_to_fit();
  identity->terms = std::move(terms);
  identity->crowded = false;
}

template <typename Visit>
void PeerIndex::VisitIdentities(const PeerTerm& term, const Visit& visit) {
  if (term.namespaces == nullptr) return pods_->VisitIdentities(term.ns, visit);
  for (const std::string& name : term.namespaces->matched) {
    const Symbol ns = symbols_->Find(name);
    if (ns != kNoSymbol) pods_->VisitIdentities(ns, visit);
  }
}

NamespaceTerm* PeerIndex::UseNamespaces(const LabelSelector& selector) {
  std::unique_ptr<NamespaceTerm>& known = namespace_terms_[selector];
  if (known == nullptr) {
    known = std::make_unique<NamespaceTerm>(selector, symbols_);
    for (const auto& [name, ns] : namespaces_) {
      const InternedLabels labels = InternLabels(ns.labels, symbols_);
      if (known->selector.Matches(labels)) known->matched.insert(name);
      ReleaseLabels(labels, symbols_);
    }
  }
  return known.get();
}

PeerTerm* PeerIndex::UseTerm(const PodTerm& term) {
  std::unique_ptr<PeerTerm>& known = terms_[term];
  if (known == nullptr) {
    known = std::make_unique<PeerTerm>(term.pods, symbols_);
    if (term.ns.empty()) {
      known->namespaces = UseNamespaces(term.namespaces);
      known->namespaces->terms.push_back(known.get());
      anywhere_.Add(known->pods, known.get());
    } else {
      known->ns = symbols_->Intern(term.ns);
      in_namespace_[known->ns].Add(known->pods, known.get());
    }
    VisitIdentities(*known, [&](Identity* identity) {
      if (known->pods.Matches(*identity->labels)) Join(identity, known.get());
    });
  }
  ++known->uses;
  return known.get();
}

void PeerIndex::ReleaseTerm(const PodTerm& key) {
  const auto it = terms_.find(key);
  PeerTerm* term = it->second.get();
  if (--term->uses > 0) return;
  VisitIdentities(*term, [&](Identity* identity) { std::erase(identity->terms, term); });
  if (term->namespaces == nullptr) {
    const auto here = in_namespace_.find(term->ns);
    here->second.Remove(term->pods, term);
    if (here->second.empty()) in_namespace_.erase(here);
    symbols_->Release(term->ns);
  } else {
    anywhere_.Remove(term->pods, term);
    std::erase(term->namespaces->terms, term);
    if (term->namespaces->terms.empty()) namespace_terms_.erase(key.namespaces);
  }
  terms_.erase(it);
}

// ---- sets -------------------------------------------------------------------------------------

MemberSet* PeerIndex::PodSet(const std::set<PodTerm>& terms, Family family) {
  std::unique_ptr<MemberSet>& set = pod_sets_[{family, terms}];
  if (set != nullptr) return set.get();
  set = std::make_unique<MemberSet>();
  set->family = family;
  set->terms = terms;
  for (const PodTerm& term : terms) set->pod_terms.push_back(UseTerm(term));
  for (PeerTerm* term : set->pod_terms) term->pod_sets.push_back(set.get());
  Fill(set.get());
  return set.get();
}

MemberSet* PeerIndex::NamedPortSet(const std::vector<NamedPortUse>& uses, Family family) {
  std::unique_ptr<MemberSet>& set = named_sets_[{family, uses}];
  if (set != nullptr) return set.get();
  set = std::make_unique<MemberSet>();
  set->family = family;
  set->named = uses;
  for (const NamedPortUse& named : uses) {
    MemberSet::Use use;
    std::vector<ipset::Interval> intervals;
    for (const IrPeer& peer : named.peers) {
      use.any = use.any || peer.kind == IrPeer::Kind::kAny;
      const std::vector<ipset::Interval>& block = peer.block.intervals();
      intervals.insert(intervals.end(), block.begin(), block.end());
      if (peer.kind == IrPeer::Kind::kPods) use.terms.push_back(UseTerm(peer.term));
    }
    use.blocks = AddressSet::OfIntervals(std::move(intervals));
    set->uses.push_back(std::move(use));
  }
  for (const NamedPortKey& port : PortsOf(uses)) by_port_[port].push_back(set.get());
  Fill(set.get());
  return set.get();
}

void PeerIndex::Fill(MemberSet* set) {
  changed_.insert(set);  // also if it is empty: it is new
  const auto add = [&](Identity* identity) {
    for (const PodRecord* pod : identity->pods) CountIn(set, *pod, Counted(*pod), 1);
  };
  const bool everywhere = std::any_of(set->uses.begin(), set->uses.end(), [](const auto& use) {
    return use.any || !use.blocks.empty();
  });
  if (everywhere) return pods_->VisitAllIdentities(add);
  std::unordered_set<Identity*> identities;  // each once, although several terms may select it
  std::vector<PeerTerm*> terms = set->pod_terms;
  for (const MemberSet::Use& use : set->uses)
    terms.insert(terms.end(), use.terms.begin(), use.terms.end());
  for (const PeerTerm* term : terms) {
    VisitIdentities(*term, [&](Identity* identity) {
      if (term->pods.Matches(*identity->labels)) identities.insert(identity);
    });
  }
  std::for_each(identities.begin(), identities.end(), add);
}

void PeerIndex::Drop(MemberSet* set) {
  changed_.erase(set);
  if (set->named.empty()) {
    for (PeerTerm* term : set->pod_terms) std::erase(term->pod_sets, set);
    for (const PodTerm& term : set->terms) ReleaseTerm(term);
    pod_sets_.erase({set->family, set->terms});
    return;
  }
  for (const NamedPortKey& port : PortsOf(set->named)) {
    const auto it = by_port_.find(port);
    std::erase(it->second, set);
    if (it->second.empty()) by_port_.erase(it);
  }
  for (const NamedPortUse& use : set->named)
    for (const IrPeer& peer : use.peers)
      if (peer.kind == IrPeer::Kind::kPods) ReleaseTerm(peer.term);
  named_sets_.erase({set->family, set->named});
}

// ---- namespaces -------------------------------------------------------------------------------

bool PeerIndex::PutNamespace(const Namespace& ns) {
  const auto it = namespaces_.find(ns.name);
  if (it != namespaces_.end() && it->second == ns) return false;
  namespaces_.insert_or_assign(ns.name, ns);
  NamespaceChanged(ns.name);
  return true;
}

bool PeerIndex::RemoveNamespace(const std::string& name) {
  if (namespaces_.erase(name) == 0) return false;
  NamespaceChanged(name);
  return true;
}

// Only the pods of the namespace, and only when a selector in use says something else of it now.
void PeerIndex::NamespaceChanged(const std::string& name) {
  const auto known = namespaces_.find(name);
  std::optional<InternedLabels> labels;
  if (known != namespaces_.end()) labels = InternLabels(known->second.labels, symbols_);
  std::vector<NamespaceTerm*> flipped;
  for (const auto& [selector, term] : namespace_terms_) {
    const bool matches = labels && term->selector.Matches(*labels);
    if (matches != term->matched.contains(name)) flipped.push_back(term.get());
  }
  if (labels) ReleaseLabels(*labels, symbols_);
  if (flipped.empty()) return;

  std::vector<Identity*> identities;
  if (const Symbol ns = symbols_->Find(name); ns != kNoSymbol)
    pods_->VisitIdentities(ns, [&](Identity* identity) { identities.push_back(identity); });
  // With whom they share an address: whether that is in a set depends on them.
  std::set<const PodRecord*> sharers;
  for (const Identity* identity : identities)
    for (const PodRecord* pod : identity->pods)
      for (const OwnedAddress& owned : pods_->Owned(*pod))
        for (const PodRecord* other : owned.others)
          if (other->identity->ns != identity->ns) sharers.insert(other);
  for (const Identity* identity : identities)
    for (const PodRecord* pod : identity->pods) TakeOut(*pod);
  for (const PodRecord* pod : sharers) TakeOut(*pod);
  for (NamespaceTerm* term : flipped)
    if (term->matched.erase(name) == 0) term->matched.insert(name);
  for (Identity* identity : identities) {
    Classify(identity);
    for (const PodRecord* pod : identity->pods) PutIn(*pod);
  }
  for (const PodRecord* pod : sharers) PutIn(*pod);
}

}  // namespace podgate::compiler
