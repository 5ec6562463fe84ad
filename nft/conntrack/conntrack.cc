#include "nft/conntrack/conntrack.h"

#include <vector>

namespace podgate::nft {

Result<std::size_t> RemoveTombstones(Conntrack* conntrack) {
  constexpr std::size_t kSlice = 256;
  std::vector<Flow> tombstones;
  std::size_t removed = 0;
  Status problem;
  const auto remove = [&] {
    const auto deleted = conntrack->Delete(tombstones);
    tombstones.clear();
    if (deleted.ok()) removed += deleted.value();
    problem = deleted.status();
    return deleted.ok();
  };
  const Status walked = conntrack->Walk([&](const Flow& flow) {
    if (IsTombstone(flow)) tombstones.push_back(flow);
    return tombstones.size() < kSlice || remove();
  });
  if (!walked.ok()) return walked;
  if (problem.ok()) remove();
  if (!problem.ok()) return problem;
  return removed;
}

}  // namespace podgate::nft
