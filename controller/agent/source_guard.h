// Keeps the source guard of this node's links in the kernel, in a table of its own: follows whose
// the links are, and reverts what others change. What stands there when the agent ends stays.
//
// One thread, the loop's.
#pragma once

#include <string>
#include <vector>

#include "compiler/model/link_owner.h"
#include "controller/agent/applier.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/watch/cluster_event.h"
#include "nft/kernel/kernel.h"
#include "nft/model/ruleset.h"

namespace podgate::controller {

class SourceGuard {
 public:
  // `kernel`: of tables of family netdev. `events`: nullptr when the cluster is not told.
  SourceGuard(std::string node, nft::Kernel* kernel, Clock* clock, Logger* log,
              EventSink* events = nullptr);

  // From here on these links are guarded, and no others.
  void Follow(const std::vector<compiler::LinkOwner>& owners);
  // What is due: another attempt, a look at what others did.
  void Tick() { applier_.Tick(); }
  Clock::Time NextAttempt() const { return applier_.NextAttempt(); }

  void CommittedElsewhere(std::uint64_t batches) { applier_.CommittedElsewhere(batches); }
  const Applier& applier() const { return applier_; }
  std::size_t links() const { return links_; }

 private:
  const std::string node_;
  nft::Ruleset wanted_;
  Applier applier_;
  std::size_t links_ = 0;
};

}  // namespace podgate::controller
