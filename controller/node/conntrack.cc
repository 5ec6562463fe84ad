#include "controller/node/conntrack.h"

#include <vector>

namespace podgate::controller {

nft::Result<std::size_t> RemoveSeals(Conntrack* conntrack) {
  constexpr std::size_t kSlice = 256;
  std::vector<nft::Flow> seals;
  std::size_t removed = 0;
  nft::Status problem;
  const auto remove = [&] {
    const auto deleted = conntrack->Delete(seals);
    seals.clear();
    if (deleted.ok()) removed += deleted.value();
    problem = deleted.status();
    return deleted.ok();
  };
  const nft::Status walked = conntrack->Walk([&](const nft::Flow& flow) {
    if (nft::IsSeal(flow)) seals.push_back(flow);
    return seals.size() < kSlice || remove();
  });
  if (!walked.ok()) return walked;
  if (problem.ok()) remove();
  if (!problem.ok()) return problem;
  return removed;
}

}  // namespace podgate::controller
