#include "controller/base/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

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

bool Names(const std::string& controllers, const std::string& name) {
  std::istringstream stream(controllers);
  for (std::string each; std::getline(stream, each, ',');)
    if (each == name) return true;
  return false;
}

// Of the cgroup and all that it is in: a container sees its own as the topmost, whatever its path
// is called on the host.
void Look(const std::string& hierarchy, std::string cgroup, const std::string& file,
          std::optional<std::uint64_t>* least) {
  for (;;) {
    const auto limit = NumberIn(hierarchy + cgroup + "/" + file);
    if (limit) *least = std::min(least->value_or(*limit), *limit);
    const std::size_t parent = cgroup.rfind('/');
    if (parent == std::string::npos) return;
    cgroup.resize(parent);
  }
}

}  // namespace

std::optional<std::uint64_t> MemoryLimit(const std::string& root) {
  std::optional<std::uint64_t> least;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // number:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      Look(root + "/sys/fs/cgroup", path, "memory.max", &least);
    } else if (Names(controllers, "memory")) {
      Look(root + "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", &least);
    }
  }
  return least;
}

}  // namespace podgate::controller
