#include "controller/base/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "controller/base/cgroup.h"

namespace podgate::controller {
namespace {

// What cgroup v1 says for "none" is the largest number that is a multiple of a page.
constexpr std::uint64_t kNone = std::uint64_t{1} << 62;

std::optional<std::uint64_t> NumberIn(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;  // "max"
  return number < kNone ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> MemoryLimit(const std::string& root) {
  std::optional<std::uint64_t> least;
  VisitCgroups(root, "memory", [&](CgroupVersion version, const std::string& folder) {
    const auto limit = NumberIn(
        folder + (version == CgroupVersion::kTwo ? "/memory.max" : "/memory.limit_in_bytes"));
    if (limit) least = std::min(least.value_or(*limit), *limit);
  });
  return least;
}

}  // namespace podgate::controller
