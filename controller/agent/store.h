// What the reflectors tell, on its way to the pipeline: what of it is not to be trusted is made
// safe here. Owned by the loop's thread; no I/O.
//
// What cannot be read fails closed, for its own pods only:
//
//   pod        nothing gets in or out at any address that it tells or told, and no rule names it
//              as a peer (quarantine.h)
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
#include "controller/agent/ending_namespaces.h"
#include "controller/agent/further_table.h"
#include "controller/agent/pod_sources.h"
#include "controller/agent/quarantine.h"
#include "controller/base/log.h"
#include "controller/watch/cluster_event.h"
#include "controller/watch/message.h"

namespace podgate::controller {

class Store {
 public:
  // `own_pods`: the stream of this node's pods is read too. `events`: nullptr when the cluster is
  // not told.
  Store(const std::string& node, bool own_pods, compiler::Pipeline* pipeline, Clock* clock,
        Logger* log, EventSink* events = nullptr)
      : node_(node),
        pipeline_(pipeline),
        log_(log),
        events_(events),
        sources_(node,
                 [pipeline](const compiler::ObjectKey& key) { return pipeline->FindPod(key); }),
        quarantine_(pipeline),
        ending_(pipeline, clock, log),
        further_(pipeline),
        own_pods_listed_(!own_pods) {}

  // True when the cluster changed in anything that could matter to packets.
  bool Apply(Message message);
  EndingNamespaces& ending_namespaces() { return ending_; }
  // All that is watched has been told as a whole at least once.
  bool complete() const {
    return pods_listed_ && own_pods_listed_ && namespaces_listed_ && policies_listed_;
  }
  bool listed(compiler::Kind kind) const;
  // The addresses that pods have beside those of their statuses.
  FurtherTable& further() { return further_; }
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
  bool Delete(compiler::Kind kind, const compiler::ObjectKey& key);

  bool Listed(const Message& message);

  const std::string node_;
  compiler::Pipeline* pipeline_;
  Logger* log_;
  EventSink* events_;
  PodSources sources_;
  Quarantine quarantine_;
  EndingNamespaces ending_;
  FurtherTable further_;
  std::set<compiler::ObjectKey> broken_;
  bool pods_listed_ = false;
  bool own_pods_listed_;
  bool namespaces_listed_ = false;
  bool policies_listed_ = false;
};

}  // namespace podgate::controller
