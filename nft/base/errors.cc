#include "nft/base/errors.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace podgate::nft {

Status::Code CodeOf(int error) {
  switch (error) {
    case EINVAL:
    case EEXIST:
    case EMLINK:
    case ELOOP:
    case ERANGE:
    case ENODATA:
    case ENAMETOOLONG:
      return Status::Code::kInvalid;
    case ENOENT:
      return Status::Code::kNotFound;
    case EBUSY:
    case EAGAIN:
    case ENOMEM:
      return Status::Code::kBusy;
    case ENOSPC:
    case ENFILE:
      return Status::Code::kFull;
    case EMSGSIZE:
      return Status::Code::kTooBig;
    case ERESTART:
      return Status::Code::kStale;
    case EINTR:
      return Status::Code::kInterrupted;
    case ENOBUFS:
      return Status::Code::kOverrun;
    case EPERM:
    case EACCES:
      return Status::Code::kPermission;
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return Status::Code::kUnsupported;
    default:
      return Status::Code::kOther;
  }
}

std::string Reason(int error) {
  switch (error) {
    case EEXIST:
      return "already exists";
    case ENOENT:
      return "it, or something it refers to, is not there; read the table back";
    case EBUSY:
      return "still in use";
    case EAGAIN:
    case ENOMEM:
      return fmt::format("the kernel cannot just now ({}), try again", std::strerror(error));
    case EMLINK:
    case ELOOP:
      return "would close a loop of jumps or nest them 16 deep";
    case ENFILE:
    case ENOSPC:
      return "the set is full, its size is too small";
    case EMSGSIZE:
      return "larger than the socket's send buffer may be; raise net.core.wmem_max or grant "
             "CAP_NET_ADMIN";
    case ERESTART:
      return "somebody else changed the rules in between; read the table back";
    case ENOBUFS:
      return "answers were lost, the outcome is unknown; read the table back";
    case EPERM:
    case EACCES:
      return "not permitted; CAP_NET_ADMIN in this network namespace is needed, and no other owner "
             "of the table";
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return fmt::format("the kernel does not support it ({})", std::strerror(error));
    case EINVAL:
      return "the kernel takes it for invalid";
    default:
      return std::strerror(error);
  }
}

Status ErrnoStatus(const std::string& what, int error) {
  return Status(CodeOf(error), what + ": " + Reason(error));
}

}  // namespace podgate::nft
