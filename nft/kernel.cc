#include "nft/kernel.h"

namespace podgate::nft {

Status CommitAll(Kernel* kernel, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    Status status = kernel->Commit(step);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace podgate::nft
