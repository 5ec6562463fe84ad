#include "controller/cli/prepare_node.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <system_error>

#include "controller/base/exit_code.h"
#include "controller/transport/access.h"

namespace podgate::controller {
namespace {

constexpr std::array<const char*, 2> kNames{"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"};

// 0, or the errno of what failed.
int Write(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = ::write(fd, "1\n", 2) == 2 ? 0 : errno;
  ::close(fd);
  return error;
}

bool IsSet(const std::string& path) {
  const auto text = ReadFile(path, 16);
  return text.ok() && text.value() == "1\n";
}

}  // namespace

int PrepareNode(std::ostream& out, std::ostream& err, const std::string& folder) {
  if (::access(folder.c_str(), F_OK) != 0) {
    err << "podgate: there is no " << folder
        << " on this node: the kernel module br_netfilter is not loaded; load it (modprobe "
           "br_netfilter, and a line in /etc/modules-load.d/ for the next boot)\n";
    return kExitUnreachable;
  }
  for (const char* name : kNames) {
    const std::string path = folder + "/" + name;
    if (IsSet(path)) {
      out << path << " is 1\n";
      continue;
    }
    if (const int error = Write(path); error != 0) {
      err << "podgate: cannot set " << path << " to 1: " << std::generic_category().message(error)
          << "; "
          << (error == EROFS || error == EACCES || error == EPERM
                  ? "this needs a privileged container on the node's network, or the node's own "
                    "/etc/sysctl.d"
                  : "set it in the node's own /etc/sysctl.d")
          << '\n';
      return kExitUnreachable;
    }
    if (!IsSet(path)) {
      err << "podgate: " << path << " does not stay 1: something else on this node sets it back\n";
      return kExitUnreachable;
    }
    out << path << " is 1 now\n";
  }
  return kExitOk;
}

}  // namespace podgate::controller
