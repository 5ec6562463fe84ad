// Pods that cannot be read, closed at every address that may be theirs. Each stands in a namespace
// that no selector reaches, under a policy that isolates all pods there: nothing gets in or out,
// and no rule names it as a peer. (Only rules with an ipBlock around its address still allow others
// to reach it as an address.) Owned by the loop's thread; no I/O.
//
// Which addresses: those that the present version tells, and all earlier ones (of the last readable
// version and of each unreadable one since), because the address that the pod really has may be
// among what cannot be read. An earlier one is let go only when that is proved: a readable pod of
// the same node that was created later has it, so it was handed out again. The others stay until
// the pod is readable or gone. There is no limit at which one would open; they are few by other
// limits: an API server stores at most one address of each family with a pod (validation of
// status.podIPs), so a version adds two at most, and the versions of one pod's status are written
// by the kubelet of the pod's node, or by somebody who may do as much.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "compiler/incremental/pipeline.h"
#include "compiler/model/model.h"

namespace podgate::controller {

class Quarantine {
 public:
  explicit Quarantine(compiler::Pipeline* pipeline) : pipeline_(pipeline) {}

  // All of these: true if the cluster changed in anything that could matter to packets.

  // A version of the pod that cannot be read, as far as it could be.
  bool Take(compiler::Pod pod);
  // The pod can be read again, or is gone.
  bool Release(const compiler::ObjectKey& key);
  // A pod that can be read has come to be as it is, and the pipeline knows it.
  bool GiveWayTo(const compiler::Pod& pod);

 private:
  struct Held {
    compiler::Pod pod;  // as it stands in the pipeline, but for its addresses
    std::vector<compiler::Address> now;
    std::set<compiler::Address> earlier;
  };

  bool TakenOver(const compiler::Address& address, const Held& held) const;
  void AddEarlier(const std::vector<compiler::Address>& addresses, const compiler::ObjectKey& key,
                  Held* held);
  void RemoveEarlier(const compiler::Address& address, const compiler::ObjectKey& key, Held* held);
  bool Put(const Held& held);

  compiler::Pipeline* pipeline_;
  std::map<compiler::ObjectKey, Held> held_;  // by the pods' own keys
  // The same earlier addresses, to find who has one.
  std::set<std::pair<compiler::Address, compiler::ObjectKey>> earlier_;
};

}  // namespace podgate::controller
