// From events to the ruleset of one node, step by step: an event costs what it changes. The result
// is the ruleset that Compile(BuildIr(cluster)) makes of the same cluster, whatever events led
// there; nothing is ever compiled from scratch. What depends on the events is said where it does:
// sets that have shrunk keep their size (SizeFor), a namespace may have no room for a class
// (NamespaceBudget: whoever came first keeps its room), and isolation may be held (HoldIsolation).
//
//   pod        leaves and enters the sets that its terms belong to; on this node, also its class
//   namespace  the pods of that namespace, if a selector in use says something else of it now
//   policy     the local pods that it selected or selects, and the classes that it belongs to
//   class      its chain, and the sets that the chain looks up
//
// One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/codegen/compile_options.h"
#include "compiler/codegen/direction.h"
#include "compiler/codegen/dispatch.h"
#include "compiler/incremental/assembly.h"
#include "compiler/incremental/local_policies.h"
#include "compiler/incremental/namespace_budget.h"
#include "compiler/incremental/peer_index.h"
#include "compiler/incremental/pod_table.h"
#include "compiler/ir/classes.h"
#include "nft/model/change.h"

namespace podgate::compiler {

class Pipeline {
 public:
  Pipeline(std::string node, const CompileOptions& options, const NamespaceLimits& limits = {});

  // Events. True if the object has changed.
  bool Put(const Pod& pod);
  bool Put(const Namespace& ns) { return peers_.PutNamespace(ns); }
  bool Put(const NetworkPolicy& policy);
  bool RemovePod(const ObjectKey& key);
  bool RemoveNamespace(const std::string& name) { return peers_.RemoveNamespace(name); }
  bool RemovePolicy(const ObjectKey& key);

  // The local pods that are there in a namespace; by key.
  std::vector<Pod> LocalPodsIn(const std::string& ns) const;
  // Some of those is selected by the policy. False when there is no such policy.
  bool SelectsLocal(const ObjectKey& policy) const;
  std::optional<NetworkPolicy> FindPolicy(const ObjectKey& key) const;

  // The local pod is isolated in the direction and nothing is allowed there, unless a policy
  // isolates it anyway: until this is taken back or the pod is removed.
  void HoldIsolation(const ObjectKey& pod, Direction direction);
  // Of all pods of the namespace. True if there were any.
  bool ReleaseIsolation(const std::string& ns);

  // From the next Update() on. True if the ruleset changes.
  bool SetOptions(const CompileOptions& options);

  // Brings the ruleset up to date. Returns what that changed.
  nft::Change Update();
  // As of the last Update().
  const nft::Ruleset& ruleset() const { return assembly_.ruleset(); }

  // Classes that have come to be over their budget since this was last asked.
  struct Refused {
    std::vector<ObjectKey> policies;  // all of the class
    OverBudget over = OverBudget::kNo;
  };
  std::vector<Refused> TakeRefused() { return std::exchange(refused_, {}); }
  // Has one of the classes that their namespace had no room for tried again by the next Update(),
  // each in its turn. False: there is none.
  bool RetryRefused();

  std::optional<Pod> FindPod(const ObjectKey& key) const;
  // The pods that are there and claim the address, on any node; by key.
  std::vector<Pod> PodsAt(const Address& address) const;
  // Addresses that several pods claim. They, or who claims them, have changed only when
  // contested_changes() has.
  const std::set<Address>& contested() const { return pods_.contested(); }
  std::uint64_t contested_changes() const { return pods_.contested_changes(); }
  // The policy is known and equal.
  bool Holds(const NetworkPolicy& policy) const { return policies_.Holds(policy); }
  struct Counts {
    std::size_t pods = 0;
    std::size_t namespaces = 0;
    std::size_t policies = 0;
    std::size_t local_pods = 0;     // of this node
    std::size_t isolated_pods = 0;  // of those
  };
  Counts counts() const;
  // The pods of this node that have addresses of their own, by key. They may have changed only when
  // local_changes() has.
  struct LocalPod {
    ObjectKey key;
    std::string uid;
    std::vector<Address> addresses;
  };
  std::vector<LocalPod> LocalPods(std::size_t most) const;
  std::uint64_t local_changes() const { return local_changes_; }

  // What pods' statuses tell of nodes' addresses. It may have changed only when host_changes() has,
  // or the number of local pods.
  std::vector<Address> HostAddresses() const;  // of this node; sorted, unique
  // Another node that pods give one of these addresses (sorted) to; empty: none.
  std::string OtherNodeAt(const std::vector<Address>& addresses) const;
  std::uint64_t host_changes() const { return pods_.host_changes(); }

 private:
  struct Class {
    std::size_t pods = 0;
    std::array<std::size_t, kFamilies.size()> addresses{};  // of its pods, by family
    std::string chain;
    SharedNames names;
    bool is_new = true;  // it was not compiled yet
    NamespaceBudget::Use use;
    OverBudget over_budget = OverBudget::kNo;
  };
  using Classes = std::map<ClassKey, Class>;
  struct Local {
    std::vector<Address> addresses;                                  // that no other local pod has
    std::array<Classes::value_type*, kDirections.size()> classes{};  // nullptr: not isolated
  };
  struct Entry {  // the pods that have an address which is isolated
    std::vector<ObjectKey> pods;
    std::string class_chain;
  };
  class Sets;

  void PutDispatch(std::size_t direction);
  void TakeOut(const std::vector<const PodRecord*>& pods);
  void PutIn(const std::vector<const PodRecord*>& pods);
  void AddSharers(const std::vector<Address>& addresses, const PodRecord* of,
                  std::vector<const PodRecord*>* sharers) const;
  void MarkLocal(const PodRecord& pod);
  void SetLocal(const ObjectKey& key, const PodRecord* pod);
  std::optional<ClassKey> LocalClassOf(std::size_t direction, const PodRecord& pod,
                                       const std::vector<const NetworkPolicy*>& policies) const;
  template <typename Visit>
  void VisitLocalPodsIn(const std::string& ns, const Visit& visit) const {
    for (auto it = all_local_.lower_bound({ns, ""}); it != all_local_.end() && it->ns == ns; ++it)
      visit(*it, *pods_.Find(*it));
  }
  void MarkSelected(const ObjectKey& policy);
  void MarkClasses(const ObjectKey& policy);

  void MarkShared(const std::vector<Address>& addresses);
  void RefreshLocal(const ObjectKey& key);
  void RefreshShared(const Address& address);
  Classes::value_type* Join(const ClassKey& key, const std::vector<Address>& addresses);
  void Leave(Classes::value_type* its_class, const std::vector<Address>& addresses);
  void CountFamilies(Classes::value_type* its_class, const std::vector<Address>& addresses, int by);
  void SetEntries(std::size_t direction, const std::vector<ObjectKey>& pods, const Local& before,
                  const Local& after);

  void MarkResizedSets();
  void CompileClasses();
  void CompileOne(Classes::value_type* its_class);
  void SetOverBudget(Classes::value_type* its_class, OverBudget over);
  void DropClass(Classes::value_type* its_class);
  void ReleaseSet(MemberSet* set, Classes::value_type* user);
  void WriteSets();
  void WriteEntries(std::size_t direction);
  void WriteDispatch(std::size_t direction, std::size_t family, const std::vector<Address>& come,
                     const std::vector<Address>& gone);

  const std::string node_;
  CompileOptions options_;
  Symbols symbols_;
  PodTable pods_;
  PeerIndex peers_;
  LocalPolicies policies_;
  Assembly assembly_;
  NamespaceBudget budget_;

  Classes classes_;
  std::map<ObjectKey, std::set<Classes::value_type*>> classes_of_policy_;
  std::map<MemberSet*, std::set<Classes::value_type*>> classes_of_set_;
  std::set<ObjectKey> all_local_;  // pods of this node
  std::array<std::set<ObjectKey>, kDirections.size()> held_isolation_;
  std::uint64_t local_changes_ = 0;    // of all_local_ and of what its pods are
  std::map<ObjectKey, Local> locals_;  // those of them that are isolated
  // Of addresses that several local pods have, those that are isolated; by address.
  struct Shared {
    std::vector<ObjectKey> pods;
    Local local;
  };
  std::map<Address, Shared> shared_;
  std::array<std::map<Address, Entry>, kDirections.size()> entries_;
  std::array<std::array<Dispatch, kFamilies.size()>, kDirections.size()> dispatch_;

  std::vector<Refused> refused_;
  std::set<ClassKey> without_room_;
  ClassKey retried_;  // of them, last

  // What has to be done at the next Update().
  std::set<ObjectKey> dirty_pods_;
  std::set<Address> dirty_shared_;
  std::set<Classes::value_type*> dirty_classes_;
  std::array<std::set<Address>, kDirections.size()> dirty_addresses_;
  std::set<MemberSet*> unused_sets_;
};

}  // namespace podgate::compiler
