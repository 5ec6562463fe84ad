#include "controller/base/cgroup.h"

#include <fstream>
#include <sstream>

namespace podgate::controller {
namespace {

bool Names(const std::string& controllers, const std::string& name) {
  std::istringstream stream(controllers);
  for (std::string each; std::getline(stream, each, ',');)
    if (each == name) return true;
  return false;
}

}  // namespace

void VisitCgroups(const std::string& root, const std::string& controller,
                  const std::function<void(CgroupVersion, const std::string& folder)>& visit) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // number:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool two = controllers.empty();
    if (!two && !Names(controllers, controller)) continue;
    const std::string hierarchy = root + "/sys/fs/cgroup" + (two ? "" : "/" + controller);
    std::string path = line.substr(second + 1);
    for (;;) {
      visit(two ? CgroupVersion::kTwo : CgroupVersion::kOne, hierarchy + path);
      const std::size_t parent = path.rfind('/');
      if (parent == std::string::npos) break;
      path.resize(parent);
    }
  }
}

}  // namespace podgate::controller
