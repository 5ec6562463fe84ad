#include "controller/base/cpu_limit.h"

#include <algorithm>
#include <cstdint>
#include <fstream>

#include "controller/base/cgroup.h"

namespace podgate::controller {
namespace {

// Of "QUOTA PERIOD" in one file, or of a number in each of two. No number ("max") and a negative
// one mean that there is no limit.
std::optional<double> Ratio(std::ifstream quota_from, std::ifstream period_from = {}) {
  std::int64_t quota = 0;
  std::int64_t period = 0;
  if (!(quota_from >> quota)) return std::nullopt;
  if (!((period_from.is_open() ? period_from : quota_from) >> period)) return std::nullopt;
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

}  // namespace

std::optional<double> CpuLimit(const std::string& root) {
  std::optional<double> least;
  VisitCgroups(root, "cpu", [&](CgroupVersion version, const std::string& folder) {
    const auto limit = version == CgroupVersion::kTwo
                           ? Ratio(std::ifstream(folder + "/cpu.max"))
                           : Ratio(std::ifstream(folder + "/cpu.cfs_quota_us"),
                                   std::ifstream(folder + "/cpu.cfs_period_us"));
    if (limit) least = std::min(least.value_or(*limit), *limit);
  });
  return least;
}

}  // namespace podgate::controller
