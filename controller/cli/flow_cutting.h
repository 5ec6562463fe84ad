// The flow terminator of `podgate run` and the forgetter of flows whose address changed hands, with
// their conntracks and threads: what --established and --dry-run make of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "controller/agent/flow_forgetter.h"
#include "controller/agent/flow_terminator.h"
#include "controller/base/log.h"
#include "nft/conntrack/conntrack.h"

namespace podgate::controller {

enum class FlowCuttingMode : std::uint8_t {
  kCut,   // flows that a change denies
  kKeep,  // none; tombstones that an earlier agent left are removed at once
  kOff,   // conntrack is not touched at all
};

// Does nothing, after a line in the log, where conntrack cannot be opened.
class FlowCutting {
 public:
  // `wake`: see FlowTerminator. `log` must outlive it.
  FlowCutting(FlowCuttingMode mode, std::function<void()> wake, Logger* log);
  ~FlowCutting() { Stop(); }
  FlowCutting(const FlowCutting&) = delete;
  FlowCutting& operator=(const FlowCutting&) = delete;

  // nullptr: conntrack is not touched, or cannot be.
  FlowForgetter* forgetter() { return forgetter_.get(); }
  FlowTerminator* terminator() { return terminator_.get(); }  // nullptr: no flows are cut
  void Start();
  void Stop();

 private:
  std::unique_ptr<nft::Conntrack> conntrack_;
  std::unique_ptr<FlowTerminator> terminator_;
  std::jthread thread_;
  // Walks of its own: it needs no rules, and does not wait for those of the terminator.
  std::unique_ptr<nft::Conntrack> forgetting_;
  std::unique_ptr<FlowForgetter> forgetter_;
  std::jthread forgetter_thread_;
};

}  // namespace podgate::controller
