// Tells of addresses that several pods claim, where one of those runs on this node: a line in the
// log and an Event about the local pod, once for as long as the address is contested. Owned by the
// loop's thread; no I/O.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "compiler/incremental/pipeline.h"
#include "controller/base/log.h"
#include "controller/watch/cluster_event.h"

namespace podgate::controller {

class ContestReport {
 public:
  // Told of at the same time at most; the metric counts all.
  static constexpr std::size_t kMost = 64;

  // `events`: nullptr when the cluster is not told.
  ContestReport(std::string node, Logger* log, EventSink* events)
      : node_(std::move(node)), log_(log), events_(events) {}

  void Follow(const compiler::Pipeline& pipeline);

 private:
  void Tell(const compiler::Address& address, const std::vector<compiler::Pod>& pods);

  const std::string node_;
  Logger* log_;
  EventSink* events_;
  std::uint64_t seen_ = 0;  // of the pipeline's contested_changes()
  std::set<compiler::Address> told_;
};

}  // namespace podgate::controller
