// What the reflectors tell, on its way to the pipeline: what of it is not to be trusted is made
// safe here. Owned by the loop's thread; no I/O.
//
// What cannot be read fails closed, for its own pods only:
//
//   pod        moves to a namespace that no selector reaches, with a policy that isolates all pods
//              there: at its last known address nothing gets in or out, and no rule names it as a
//              peer. (Only rules with an ipBlock around its address still allow others to reach it
//              as an address.)
//   namespace  loses its labels: no namespaceSelector matches it, policies inside it stay as they
//              are
//   policy     isolates what it selects, and its unreadable parts allow nothing (the decoder does
//              that)
#pragma once

#include <set>
#include <string>
#include <vector>

#include "compiler/incremental/pipeline.h"
#include "compiler/model/model.h"
#include "controller/base/log.h"
#include "controller/watch/cluster_event.h"
#include "controller/watch/message.h"

namespace podgate::controller {

class Store {
 public:
  // `events`: nullptr when the cluster is not told.
  Store(compiler::Pipeline* pipeline, Logger* log, EventSink* events = nullptr)
      : pipeline_(pipeline), log_(log), events_(events) {}

  // True when the cluster changed in anything that could matter to packets.
  bool Apply(Message message);
  // All three kinds have been told as a whole at least once.
  bool complete() const { return pods_listed_ && namespaces_listed_ && policies_listed_; }
  bool listed(compiler::Kind kind) const;
  // Policies that cannot be read in full.
  std::size_t broken_policies() const { return broken_.size(); }

 private:
  bool ApplyObject(compiler::Object object, const std::vector<compiler::Diagnostic>& diagnostics);
  // Leaves of the object what can be kept of it (controller/watch/emptied.h).
  bool EmptyObject(const Message& message);
  bool ApplyPod(compiler::Pod pod, const std::vector<compiler::Diagnostic>& diagnostics);
  bool ApplyNamespace(const compiler::Namespace& ns,
                      const std::vector<compiler::Diagnostic>& diagnostics);
  bool ApplyPolicy(const compiler::NetworkPolicy& policy,
                   const std::vector<compiler::Diagnostic>& diagnostics);
  void TellBroken(const compiler::NetworkPolicy& policy,
                  const std::vector<compiler::Diagnostic>& diagnostics);
  bool Quarantine(compiler::Pod pod);
  bool Release(const compiler::ObjectKey& key);
  bool Delete(compiler::Kind kind, const compiler::ObjectKey& key);

  compiler::Pipeline* pipeline_;
  Logger* log_;
  EventSink* events_;
  std::set<compiler::ObjectKey> quarantined_;  // under the keys that they have in quarantine
  std::set<compiler::ObjectKey> broken_;
  bool pods_listed_ = false;
  bool namespaces_listed_ = false;
  bool policies_listed_ = false;
};

}  // namespace podgate::controller
