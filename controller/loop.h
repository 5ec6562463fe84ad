// The agent's one thread that decides: takes messages, keeps the cluster, compiles the node's
// ruleset and has it applied. Nothing is written to the kernel before all kinds are listed; until
// then the rules that an earlier run left behind stay in force. No fixed delays: what has queued
// while a commit ran goes into the next.
#pragma once

#include <string>
#include <vector>

#include "compiler/compile.h"
#include "controller/applier.h"
#include "controller/queue.h"
#include "controller/store.h"

namespace podgate::controller {

class Loop {
 public:
  struct Options {
    std::string node;
    compiler::CompileOptions compile;
    bool dry_run = false;  // the kernel is one that only prints
  };
  Loop(Options options, nft::Kernel* kernel, Clock* clock, Logger* log);

  // Until the queue is closed.
  void Run(MessageQueue* queue);

  // One turn: all messages that wait, then at most one compilation and commit.
  void Handle(std::vector<Message> messages);
  // What is due without a message: retries and checks.
  void Tick();

  const Store& store() const { return store_; }
  const Applier& applier() const { return applier_; }

 private:
  void CompileAndApply(Clock::Time oldest);
  void Announce();

  const Options options_;
  Clock* const clock_;
  Logger* const log_;
  Store store_;
  Applier applier_;
  bool stale_ = false;     // the cluster changed since the last compilation
  bool enforced_ = false;  // the first ruleset is in the kernel, and it was logged
};

}  // namespace podgate::controller
