// What the agent answers at /healthz, /readyz and /metrics. Pure: everything that decides is in
// `Status`, collected by the caller.
//
//   /healthz   200 while the loop goes round. Knows nothing of the API server: an outage there must
//              not restart every node's firewall
//   /readyz    200 when all kinds are listed, the node's name fits this machine, the kernel holds
//              what is wanted, and no packets are known to pass by the rules; else 503 and a
//              sentence for each reason. ?verbose: all checks, the pods and addresses for which
//              nothing can be enforced, and what the kernel lacks. On another listener than
//              loopback only whether it is so
//   /metrics   Prometheus text
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "controller/agent/agent_stats.h"
#include "controller/agent/denied_packets.h"
#include "controller/base/clock.h"
#include "controller/http/http_server.h"
#include "controller/http/process_stats.h"
#include "controller/node/address_watch.h"
#include "controller/node/bridge_guard.h"

namespace podgate::controller {

struct AgentStatus {
  Clock::Time now;
  std::string version;
  LoopStats loop;
  std::array<Clock::Time, kWatched.size()> last_news{};  // from the API server
  BridgeGuard::Report bridge;
  AddressWatch::Report addresses;
  std::vector<std::string> other_rules;  // sentences about them
  std::uint64_t cut_flows = 0;
  std::uint64_t cut_flow_entries = 0;
  std::uint64_t displaced_cut_flow_entries = 0;
  DeniedPackets::Totals denied_packets{};
  ProcessStats process;
};

// A loop that has not gone round for so long is stuck. The longest turn that was ever measured is a
// start with 100,000 pods, some seconds of processor time, of which a limited container gets a
// fifth, and a slow machine less: an agent must not be ended in the middle of its first turn.
inline constexpr std::chrono::seconds kStuckAfter{300};

struct ReadinessCheck {
  std::string name;
  std::string problem;  // a sentence; empty: none
};
std::vector<ReadinessCheck> ReadinessChecks(const AgentStatus& status);

std::string Metrics(const AgentStatus& status);

HttpAnswer AnswerPage(const HttpQuestion& question, const AgentStatus& status);

}  // namespace podgate::controller
