// The flow terminator of `podgate run` with its conntrack and its thread: what --established and
// --dry-run make of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

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

  FlowTerminator* terminator() { return terminator_.get(); }  // nullptr: no flows are cut
  void Start();
  void Stop();

 private:
  std::unique_ptr<nft::Conntrack> conntrack_;
  std::unique_ptr<FlowTerminator> terminator_;
  std::jthread thread_;
};

}  // namespace podgate::controller
