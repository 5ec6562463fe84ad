#include "controller/cleanup.h"

#include <cstdio>

#include "controller/run.h"
#include "nft/netlink.h"

namespace podgate::controller {

int Cleanup() {
  const auto fail = [](const nft::Status& status) {
    std::fprintf(stderr, "podgate: cannot remove the table: %s\n", status.message().c_str());
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
  return kExitOk;
}

}  // namespace podgate::controller
