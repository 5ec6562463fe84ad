// The agent of `podgate run`, put together: reflectors feed a queue, the loop takes from it and
// writes to the kernel, and beside it run the bridge guard, the address watch, the flow terminator,
// the sender of Events and the HTTP server, each on its own thread. What runs is decided here; how,
// in the rooms below.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "controller/agent/loop.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/wake.h"
#include "controller/cli/flow_cutting.h"
#include "controller/cli/limits.h"
#include "controller/cli/run_options.h"
#include "controller/http/http_server.h"
#include "controller/http/status_pages.h"
#include "controller/node/address_watch.h"
#include "controller/node/bridge_guard.h"
#include "controller/node/namespace_reader.h"
#include "controller/node/node_links.h"
#include "controller/node/node_lookup.h"
#include "controller/node/other_rules.h"
#include "controller/transport/transport.h"
#include "controller/watch/event_sender.h"
#include "controller/watch/reflector.h"
#include "nft/kernel/kernel.h"
#include "nft/kernel/monitor.h"

namespace podgate::controller {

class Agent {
 public:
  // `monitor`: nullptr where there is none. `log` must outlive it. No thread of the agent runs
  // before Run().
  Agent(const RunOptions& options, const Limits& limits, const std::string& node, ApiAccess access,
        std::unique_ptr<nft::Kernel> kernel, std::unique_ptr<nft::Monitor> monitor, Logger* log);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // On the calling thread, until Stop(); all other threads have ended when it returns.
  void Run();
  // Once, from any thread. The rules stay in the kernel.
  void Stop();

  // Some thread waits for the system and cannot be ended: the process must end without it.
  bool Hangs() const { return transport_->Hangs(); }

 private:
  Reflector Follow(Resource resource);
  AgentStatus Status();
  // With what only /metrics shows and the kernel has to be asked for.
  AgentStatus StatusWithCounters();

  const RunOptions options_;
  Logger* const log_;
  const std::unique_ptr<nft::Kernel> kernel_;
  const std::unique_ptr<nft::Monitor> monitor_;
  const bool source_guard_;
  SystemClock clock_;
  RequestLimiter limiter_;
  MessageQueue queue_;
  const std::unique_ptr<HttpTransport> transport_;
  FlowCutting cutting_;
  EventSender sender_;
  AgentStatsBoard board_;
  DeniedPackets denied_;
  const std::unique_ptr<NodeLinks> links_;
  BridgeGuard bridge_guard_;
  const std::unique_ptr<NamespaceReader> namespaces_;
  AddressWatch address_watch_;
  const std::unique_ptr<NodeLookup> node_lookup_;  // nullptr: the name is believed
  KernelParts kernel_parts_;
  IpvsWatch ipvs_;
  OtherRulesWatch other_rules_;
  Loop loop_;
  std::array<Reflector, 4> reflectors_;
};

}  // namespace podgate::controller
