#include "nft/kernel.h"

#include <utility>

#include "nft/split.h"

namespace podgate::nft {

Status CommitAll(Kernel* kernel, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    Status status = kernel->Commit(step);
    if (status.code() == Status::Code::kTooBig) {
      auto halves = Halves(step);
      if (halves) status = CommitAll(kernel, *halves);
    }
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace podgate::nft
