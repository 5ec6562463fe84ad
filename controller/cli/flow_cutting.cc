#include "controller/cli/flow_cutting.h"

#include <utility>

#include "controller/base/cpu_limit.h"
#include "controller/node/node_addresses.h"
#include "nft/conntrack/conntrack.h"

namespace podgate::controller {

FlowCutting::FlowCutting(FlowCuttingMode mode, std::function<void()> wake, Logger* log) {
  if (mode == FlowCuttingMode::kOff) return;
  const double cpus = CpuLimit().value_or(1);
  if (auto forgetting = nft::OpenConntrack(); forgetting.ok()) {
    forgetting_ = std::move(forgetting).value();
    forgetter_ = std::make_unique<FlowForgetter>(forgetting_.get(), log, cpus);
  } else {
    log->Error(LogMessages::kFlowsStay, {{"problem", forgetting.status().message()}});
  }
  auto conntrack = nft::OpenConntrack();
  nft::Status problem = conntrack.status();
  if (conntrack.ok()) {
    conntrack_ = std::move(conntrack).value();
    if (mode == FlowCuttingMode::kCut) {
      terminator_ = std::make_unique<FlowTerminator>(conntrack_.get(), ReadNodeAddresses, log,
                                                     std::move(wake), cpus);
      return;
    }
    // Those that an agent without the option put would keep flows from coming back.
    problem = nft::RemoveTombstones(conntrack_.get()).status();
  }
  if (problem.ok()) return;
  log->Error(
      mode == FlowCuttingMode::kKeep ? LogMessages::kCutFlowEntriesStay : LogMessages::kNoConntrack,
      {{"problem", problem.message()}});
}

void FlowCutting::Start() {
  if (forgetter_) forgetter_thread_ = std::jthread([this] { forgetter_->Run(); });
  if (terminator_) thread_ = std::jthread([this] { terminator_->Run(); });
}

void FlowCutting::Stop() {
  if (forgetter_) {
    forgetter_->Stop();
    if (forgetter_thread_.joinable()) forgetter_thread_.join();
  }
  if (!terminator_) return;
  terminator_->Stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace podgate::controller
