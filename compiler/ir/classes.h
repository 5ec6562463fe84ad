// Which policies judge a pod, and what they allow: pods that the same policies select, and that
// resolve those policies' port names alike, form a class. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

struct ClassKey {
  Direction direction = Direction::kIngress;
  std::vector<ObjectKey> policies;  // sorted
  std::vector<NamedPort>
      resolved;  // ingress: the ports that the policies name, as the pods have them; sorted
  // Of an address that several pods have, whom these policies isolate each in its own way: nothing
  // is allowed there, since the packet may be any pod's and only what all may is.
  bool contested = false;
  friend auto operator<=>(const ClassKey&, const ClassKey&) = default;
};

// The policies of the pod's namespace that select it; by key.
std::vector<const NetworkPolicy*> PoliciesOf(const Cluster& cluster, const Pod& pod);

// `policies`: those that select the pod, by key; `ports`: the pod's. nullopt when none isolates it
// in that direction.
std::optional<ClassKey> ClassOf(Direction direction,
                                const std::vector<const NetworkPolicy*>& policies,
                                const std::vector<NamedPort>& ports);

// The class of an address that pods of these classes have in common; nullopt: none isolates it.
std::optional<ClassKey> ClassOfAll(const std::set<ClassKey>& classes);

// The class with its entries. Policies are looked up by key; one that is not there allows nothing.
PolicyClass BuildClass(const std::map<ObjectKey, NetworkPolicy>& policies, const ClassKey& key,
                       const std::set<Family>& families);

}  // namespace podgate::compiler
