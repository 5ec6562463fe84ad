// Namespaces that are being deleted keep the isolation of their pods until the pods are gone. The
// API server's namespace controller deletes what is in a namespace in no order, and clusters before
// 1.33 may delete its NetworkPolicies while its pods still run (CVE-2024-7598). So a policy that is
// deleted in such a namespace stays as it was, with all that it allowed, until the namespace is
// gone and no pod of it is here: a pod that waits for a node may still be given this one.
//
// Policies and namespaces come over two streams, in no order between them. A deletion that reaches
// a local pod is therefore held for kHold, so that a namespace's deletion that came before it can
// be heard of; and what was deleted within kRemembered is put back if that comes later still (the
// namespace controller waits five seconds before it deletes anything, so only a stream that is far
// behind gets there). What nobody can know is what was gone before the agent started: then the
// table in the kernel tells which pods were isolated, and those allow nothing.
//
// Owned by the loop's thread; no I/O.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "compiler/incremental/pipeline.h"
#include "compiler/model/model.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "nft/model/ruleset.h"

namespace podgate::controller {

class EndingNamespaces {
 public:
  static constexpr std::chrono::milliseconds kHold{10};
  static constexpr std::chrono::seconds kRemembered{60};
  // Of the policies that are remembered; more are forgotten sooner, the oldest first.
  static constexpr std::size_t kRememberedBytes = 4u << 20;

  EndingNamespaces(compiler::Pipeline* pipeline, Clock* clock, Logger* log)
      : pipeline_(pipeline), clock_(clock), log_(log) {}

  // All that return bool: true if the cluster changed in anything that could matter to packets.

  bool PutNamespace(const compiler::Namespace& ns);
  bool NamespaceGone(const std::string& name);
  // It is there: what was kept or remembered under its name is over.
  void PutPolicy(const compiler::ObjectKey& key);
  bool PolicyGone(const compiler::ObjectKey& key);
  // A pod that the pipeline no longer holds, or not as one that is there.
  bool PodGone(const std::string& ns);
  // What has been held long enough.
  bool Tick();
  Clock::Time NextDue() const;  // Clock::Time::max(): nothing is held

  // There are local pods in a namespace that is being deleted.
  bool any_local() const;
  // Before the first change of it: what the kernel's table holds. Once.
  bool Recall(const nft::Ruleset& table);

 private:
  struct Deleted {
    compiler::NetworkPolicy policy;
    std::size_t bytes = 0;
    Clock::Time until;
  };

  struct Ending {
    std::string uid;
    bool gone = false;  // the API server no longer has it, but local pods of it were not gone yet
  };

  bool Release(const std::string& ns);
  bool PutBack(const std::string& ns);
  void Keep(const compiler::ObjectKey& policy);
  void Remember(compiler::NetworkPolicy policy);
  void ForgetOldest();
  bool Remove(const compiler::ObjectKey& policy);

  compiler::Pipeline* pipeline_;
  Clock* clock_;
  Logger* log_;
  std::map<std::string, Ending> ending_;
  std::set<compiler::ObjectKey> kept_;               // policies that are gone for the API server
  std::map<compiler::ObjectKey, Clock::Time> held_;  // the same, until
  std::deque<Deleted> remembered_;                   // by `until`
  std::set<compiler::ObjectKey> remembered_keys_;
  std::size_t remembered_bytes_ = 0;
};

}  // namespace podgate::controller
