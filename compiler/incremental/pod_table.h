// The pods of the cluster, small: what many share is kept once. Pods of one namespace with equal
// labels have one identity, and all that selectors say about pods they say about identities. Also
// knows which pod owns an address. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/incremental/interned_selector.h"
#include "compiler/incremental/symbols.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

struct PodRecord;
struct PeerTerm;

// A node, and the addresses that pods' statuses give it (status.hostIPs); sorted, unique.
using NodeHosts = std::pair<Symbol, std::vector<Address>>;

struct Identity {
  Symbol ns = kNoSymbol;
  const InternedLabels* labels = nullptr;
  std::vector<PodRecord*> pods{};
  // Kept by PeerIndex: the terms that select it, or none of them when they are too many to keep.
  std::vector<PeerTerm*> terms{};
  bool crowded = false;
};

struct PodRecord {
  Identity* identity = nullptr;
  const std::vector<NamedPort>* ports = nullptr;  // sorted; never null in a table
  const NodeHosts* hosts = nullptr;               // nullptr: its status tells none
  std::vector<Address> addresses{};               // sorted, unique
  std::string text{};                             // name, uid and creation time, one after another
  std::uint32_t name_bytes = 0;
  std::uint32_t uid_bytes = 0;
  Symbol node = kNoSymbol;
  std::uint32_t place = 0;  // in identity->pods
  bool host_network = false;
  bool finished = false;
  bool still_running = false;
  bool there = false;  // for the rules of this node (IsThere)

  std::string_view name() const { return std::string_view(text).substr(0, name_bytes); }
  std::string_view uid() const { return std::string_view(text).substr(name_bytes, uid_bytes); }
  std::string_view created() const { return std::string_view(text).substr(name_bytes + uid_bytes); }
  bool is_there() const { return there; }
};

// An address that a pod owns, and the other pods that own it too.
struct OwnedAddress {
  Address address;
  std::vector<const PodRecord*> others{};
};

class PodTable {
 public:
  // `node`: whose rules are made.
  PodTable(Symbols* symbols, const std::string& node)
      : symbols_(symbols), node_(symbols->Intern(node)) {}
  PodTable(const PodTable&) = delete;
  PodTable& operator=(const PodTable&) = delete;

  std::size_t size() const { return pods_.size(); }
  // nullptr: no such pod. Valid until the pod is removed.
  const PodRecord* Find(const ObjectKey& key) const;
  Pod ToPod(const PodRecord& record) const;
  ObjectKey KeyOf(const PodRecord& record) const;
  bool Holds(const PodRecord& record, const Pod& pod) const;

  // The pod is there as it is told. Its identity may be new: it has no terms yet.
  const PodRecord* Put(const Pod& pod);
  void Remove(const ObjectKey& key);

  bool IsLocal(const PodRecord& record) const { return record.node == node_; }

  // The pods that own an address: of those that are there and claim it the ones on this node, and
  // all where none is on this node. In no order.
  std::vector<const PodRecord*> Owners(const Address& address) const;
  // What the pod owns, by address.
  std::vector<OwnedAddress> Owned(const PodRecord& record) const;
  // The addresses that more than one pod claims, on whatever nodes. They and their claimants have
  // changed only when contested_changes() has.
  const std::set<Address>& contested() const { return contested_; }
  std::uint64_t contested_changes() const { return contested_changes_; }
  // All pods that are there and have the address.
  template <typename Visit>
  void VisitClaimants(const Address& address, const Visit& visit) const {
    const auto [begin, end] = claims_.equal_range(address);
    for (auto it = begin; it != end; ++it) visit(it->second);
  }

  // What the pods tell of their nodes' addresses, each once; it has changed only when
  // host_changes() has.
  template <typename Visit>
  void VisitHosts(const Visit& visit) const {
    for (const auto& [hosts, pods] : hosts_) visit(hosts);
  }
  std::uint64_t host_changes() const { return host_changes_; }

  template <typename Visit>
  void VisitIdentities(Symbol ns, const Visit& visit) {
    for (auto it = identities_.lower_bound({ns, {}});
         it != identities_.end() && it->first.first == ns; ++it)
      visit(&it->second);
  }
  template <typename Visit>
  void VisitAllIdentities(const Visit& visit) {
    for (auto& [key, identity] : identities_) visit(&identity);
  }

 private:
  struct Name {
    Symbol ns;
    std::string_view name;
  };
  // A tree: tenants choose the names, and could make those of a hash table collide.
  struct NameLess {
    using is_transparent = void;
    static Name Of(const Name& name) { return name; }
    static Name Of(const std::unique_ptr<PodRecord>& record) {
      return {record->identity->ns, record->name()};
    }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const Name x = Of(a);
      const Name y = Of(b);
      return x.ns != y.ns ? x.ns < y.ns : x.name < y.name;
    }
  };
  using Pods = std::set<std::unique_ptr<PodRecord>, NameLess>;

  Identity* Join(const Pod& pod);
  void Enter(Identity* identity, PodRecord* record);
  void Leave(PodRecord* record);
  void Fill(const Pod& pod, PodRecord* record);
  void Empty(PodRecord* record);

  Symbols* symbols_;
  const Symbol node_;
  Pods pods_;
  std::map<std::pair<Symbol, InternedLabels>, Identity> identities_;
  std::map<std::vector<NamedPort>, std::size_t> ports_;  // to the number of pods that have them
  std::map<NodeHosts, std::size_t> hosts_;               // the same; one or two for each node
  std::uint64_t host_changes_ = 0;
  std::multimap<Address, PodRecord*> claims_;  // a tree for the same reason as Pods
  std::set<Address> contested_;
  std::uint64_t contested_changes_ = 0;
};

}  // namespace podgate::compiler
