#include "controller/cli/cleanup.h"

#include <cstdio>
#include <future>

#include "controller/base/exit_code.h"
#include "controller/base/signals.h"
#include "nft/conntrack/conntrack.h"
#include "nft/kernel/netlink.h"

namespace podgate::controller {

int Cleanup() {
  const auto fail = [](const nft::Status& status) {
    std::fprintf(stderr, "podgate: cannot remove table inet podgate: %s\n",
                 status.message().c_str());
    return kExitUnreachable;
  };
  auto kernel = nft::OpenNetlink();
  if (!kernel.ok()) return fail(kernel.status());
  const std::string table = nft::Ruleset().table;
  nft::Step step;
  step.phase = nft::Phase::kSweep;
  step.table = table;
  step.operations.emplace_back(nft::DeleteTable{});
  const nft::Status status = kernel.value()->Commit(step);
  if (!status.ok() && !status.IsNotFound()) return fail(status);
  // Tombstones of flows that were cut have no reason without the rules, and would drop what begins
  // anew with the same addresses and ports, for as long as conntrack keeps them.
  auto conntrack = nft::OpenConntrack();
  if (!conntrack.ok()) return kExitOk;
  if (const auto tombstones = nft::RemoveTombstones(conntrack.value().get()); !tombstones.ok()) {
    std::fprintf(
        stderr,
        "podgate: the table is removed, but the cut-flow entries stay until they expire: %s\n",
        tombstones.status().message().c_str());
  }
  return kExitOk;
}

int CleanupAndStay() {
  StopSignals signals;
  if (const int code = Cleanup(); code != kExitOk) return code;
  std::promise<void> stop;
  signals.Start([&stop](int) { stop.set_value(); });
  stop.get_future().wait();
  return kExitOk;
}

}  // namespace podgate::controller
