#include "controller/cli/cleanup.h"

#include <cstdio>
#include <future>
#include <string>

#include "controller/base/exit_code.h"
#include "controller/base/signals.h"
#include "controller/cli/kernel_seams.h"
#include "nft/conntrack/conntrack.h"
#include "nft/kernel/netlink.h"

namespace podgate::controller {

int Cleanup() {
  auto kernel = nft::OpenNetlink();
  for (const auto family : {nft::TableFamily::kNetdev, nft::TableFamily::kInet}) {
    const nft::Status status =
        kernel.ok() ? RemoveTable(kernel.value().get(), family) : kernel.status();
    if (status.ok()) continue;
    std::fprintf(stderr, "podgate: cannot remove table %s podgate: %s\n",
                 std::string(nft::FamilyName(family)).c_str(), status.message().c_str());
    return kExitUnreachable;
  }
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
