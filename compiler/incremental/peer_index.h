// Which pods the sets of this node's rules hold, kept up to date pod by pod: the peer terms that
// rules use, the identities that they select, and the sets that are made of them. A change of a pod
// touches the sets that it leaves or enters, nothing else. One thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/codegen/set_definitions.h"
#include "compiler/incremental/pod_table.h"
#include "compiler/incremental/selector_index.h"
#include "compiler/ir/ir.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

struct MemberSet;

// A namespace selector of a peer term, and the known namespaces that it selects.
struct NamespaceTerm {
  NamespaceTerm(const LabelSelector& selector, Symbols* symbols) : selector(selector, symbols) {}
  InternedSelector selector;
  std::set<std::string> matched{};
  std::vector<PeerTerm*> terms{};
};

struct PeerTerm {
  PeerTerm(const LabelSelector& selector, Symbols* symbols) : pods(selector, symbols) {}
  InternedSelector pods;
  Symbol ns = kNoSymbol;                // of a term in one namespace
  NamespaceTerm* namespaces = nullptr;  // of any other term
  std::vector<MemberSet*> pod_sets{};
  std::size_t uses = 0;
};

// A hash set of pods, or of named ports of pods, that some rules look up.
struct MemberSet {
  Family family = Family::kIPv4;
  std::set<PodTerm> terms{};          // a set of pods: those that any of these selects
  std::vector<NamedPortUse> named{};  // a set of named ports: these
  std::string name{};                 // in the ruleset as it was last; empty: not there yet
  std::uint32_t capacity = 0;         // that the name tells of
  std::size_t size = 0;               // elements, with all changes told so far
  // Keys that came (1) or went (-1) since TakeChanges().
  std::map<nft::Key, int> changes{};

  struct Use {  // of `named`
    bool any = false;
    AddressSet blocks;
    std::vector<PeerTerm*> terms;
  };
  std::vector<PeerTerm*> pod_terms{};
  std::vector<Use> uses{};
};

class PeerIndex {
 public:
  PeerIndex(Symbols* symbols, PodTable* pods) : symbols_(symbols), pods_(pods) {}
  ~PeerIndex();
  PeerIndex(const PeerIndex&) = delete;
  PeerIndex& operator=(const PeerIndex&) = delete;

  // The set with this meaning. A new one holds what the cluster says now, as changes.
  MemberSet* PodSet(const std::set<PodTerm>& terms, Family family);
  MemberSet* NamedPortSet(const std::vector<NamedPortUse>& uses, Family family);
  void Drop(MemberSet* set);

  // Before a pod changes, and after: takes what it owns out of all sets, and puts it in. The pods
  // that share an address with it, before or after, are told in the same way. An address that
  // several pods own is in a set only by what selects all of them.
  void TakeOut(const PodRecord& pod) { Count(pod, -1); }
  void PutIn(const PodRecord& pod) { Count(pod, 1); }
  // A new identity's terms.
  void Classify(Identity* identity);

  // True if the namespace has changed.
  bool PutNamespace(const Namespace& ns);
  bool RemoveNamespace(const std::string& name);
  std::size_t namespaces() const { return namespaces_.size(); }

  // The sets that have changed, each once.
  const std::set<MemberSet*>& changed() const { return changed_; }
  std::set<MemberSet*> TakeChanged() { return std::exchange(changed_, {}); }

 private:
  using NamedPortKey = std::pair<std::string, Protocol>;

  void Count(const PodRecord& pod, int by);
  std::vector<OwnedAddress> Counted(const PodRecord& pod) const;
  void CountIn(MemberSet* set, const PodRecord& pod, const std::vector<OwnedAddress>& owned,
               int by);
  void CountNamed(MemberSet* set, const PodRecord& pod, const std::vector<OwnedAddress>& owned,
                  int by);
  bool SelectsAll(const PeerTerm& term, const PodRecord& pod, const OwnedAddress& owned) const;
  void Change(MemberSet* set, nft::Key key, int by);
  PeerTerm* UseTerm(const PodTerm& term);
  void ReleaseTerm(const PodTerm& term);
  NamespaceTerm* UseNamespaces(const LabelSelector& selector);
  bool Selects(const PeerTerm& term, const Identity& identity) const;
  template <typename Visit>
  void VisitTerms(const Identity& identity, const Visit& visit) const;
  void Join(Identity* identity, PeerTerm* term);
  template <typename Visit>
  void VisitIdentities(const PeerTerm& term, const Visit& visit);
  void Fill(MemberSet* set);
  void NamespaceChanged(const std::string& name);

  Symbols* symbols_;
  PodTable* pods_;
  std::map<std::string, Namespace> namespaces_;
  std::map<LabelSelector, std::unique_ptr<NamespaceTerm>> namespace_terms_;
  std::map<PodTerm, std::unique_ptr<PeerTerm>> terms_;
  std::unordered_map<Symbol, SelectorIndex<PeerTerm>> in_namespace_;  // terms in one namespace
  SelectorIndex<PeerTerm> anywhere_;                                  // all others
  std::map<std::pair<Family, std::set<PodTerm>>, std::unique_ptr<MemberSet>> pod_sets_;
  std::map<std::pair<Family, std::vector<NamedPortUse>>, std::unique_ptr<MemberSet>> named_sets_;
  std::map<NamedPortKey, std::vector<MemberSet*>> by_port_;
  std::set<MemberSet*> changed_;
};

}  // namespace podgate::compiler
