#include "nft/conntrack/conntrack.h"

#include <vector>

namespace podgate::nft {

Result<std::size_t> RemoveSeals(Conntrack* conntrack) {
  constexpr std::size_t kSlice = 256;
  std::vector<Flow> seals;
  std::size_t removed = 0;
  Status problem;
  const auto remove = [&] {
    const auto deleted = conntrack->Delete(seals);
    seals.clear();
    if (deleted.ok()) removed += deleted.value();
    problem = deleted.status();
    return deleted.ok();
  };
  const Status walked = conntrack->Walk([&](const Flow& flow) {
    if (IsSeal(flow)) seals.push_back(flow);
    return seals.size() < kSlice || remove();
  });
  if (!walked.ok()) return walked;
  if (problem.ok()) remove();
  if (!problem.ok()) return problem;
  return removed;
}

}  // namespace podgate::nft
