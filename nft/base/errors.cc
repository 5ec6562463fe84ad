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
    case ETIMEDOUT:
      return Status::Code::kUnavailable;
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
      return "it, or something it refers to, does not exist";
    case EBUSY:
      return "still in use";
    case EAGAIN:
    case ENOMEM:
      return fmt::format("the kernel cannot do it just now ({}), try again", std::strerror(error));
    case EMLINK:
    case ELOOP:
      return "jumps would form a loop or nest 16 deep";
    case ENFILE:
    case ENOSPC:
      return "the set is full, its size is too small";
    case EMSGSIZE:
      return "larger than the socket's send buffer may be; raise net.core.wmem_max or grant "
             "CAP_NET_ADMIN";
    case ERESTART:
      return "somebody else changed the rules in between";
    case EINTR:
      return "something changed in the meantime, try again";
    case ENOBUFS:
      return "answers were lost, so the outcome is unknown";
    case EPERM:
    case EACCES:
      return "not permitted; this needs CAP_NET_ADMIN in this network namespace, and a table that "
             "no "
             "other process owns";
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return fmt::format("the kernel does not support it ({})", std::strerror(error));
    case EINVAL:
      return "the kernel considers it invalid";
    default:
      return std::strerror(error);
  }
}

Status ErrnoStatus(const std::string& what, int error) {
  return Status(CodeOf(error), what + ": " + Reason(error));
}

}  // namespace podgate::nft
