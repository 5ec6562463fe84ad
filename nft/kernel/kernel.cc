#include "nft/kernel/kernel.h"

#include <functional>

#include "nft/plan/split.h"

namespace podgate::nft {
namespace {

Status CommitEach(const std::vector<Step>& steps,
                  const std::function<Status(const Step&)>& commit) {
  for (const Step& step : steps) {
    Status status = commit(step);
    if (status.code() == Status::Code::kTooBig) {
      const auto halves = Halves(step);
      if (halves) status = CommitEach(*halves, commit);
    }
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace

Status CommitAll(Kernel* kernel, const std::vector<Step>& steps, std::uint32_t* batches) {
  kernel->BeginChange(steps.size());
  return CommitEach(steps, [&](const Step& step) {
    Status status = kernel->Commit(step);
    if (status.ok() && batches != nullptr) ++*batches;
    return status;
  });
}

Status CommitAllAt(std::uint32_t* generation, Kernel* kernel, const std::vector<Step>& steps) {
  kernel->BeginChange(steps.size());
  return CommitEach(steps, [&](const Step& step) {
    Status status = kernel->CommitAt(*generation, step);
    if (status.ok()) ++*generation;
    return status;
  });
}

}  // namespace podgate::nft
