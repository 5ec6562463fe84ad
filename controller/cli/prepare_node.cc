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
    err << "podgate: " << folder
        << " does not exist: the kernel module br_netfilter is not loaded; run `modprobe "
           "br_netfilter` on this node, and list it in /etc/modules-load.d so that it is loaded at "
           "boot\n";
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
                  ? "run this in a privileged container on the node's network, or set it in the "
                    "node's /etc/sysctl.d"
                  : "set it in the node's /etc/sysctl.d")
          << '\n';
      return kExitUnreachable;
    }
    if (!IsSet(path)) {
      err << "podgate: " << path
          << " was set to 1 and does not stay 1: another process on this node resets it\n";
      return kExitUnreachable;
    }
    out << path << " was set to 1\n";
  }
  return kExitOk;
}

}  // namespace podgate::controller
