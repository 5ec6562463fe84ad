#include "nft/kernel/netlink_dialogue.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

extern "C" {
#include <libmnl/libmnl.h>
}

namespace podgate::nft {
namespace {

// Room for the errors of a thousand refused requests.
constexpr int kReceiveBufferBytes = 2 << 20;

Status::Code CodeOf(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return Status::Code::kPermission;
    case ENOENT:
      return Status::Code::kNotFound;
    case ENOBUFS:
      return Status::Code::kOverrun;
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
      return Status::Code::kUnsupported;
    default:
      return Status::Code::kOther;
  }
}

}  // namespace

Status SystemStatus(const std::string& what, int error) {
  std::string reason = std::strerror(error);
  if (CodeOf(error) == Status::Code::kPermission)
    reason += "; CAP_NET_ADMIN in this network namespace is needed";
  return Status(CodeOf(error), what + ": " + reason);
}

NetlinkDialogue::NetlinkDialogue(mnl_socket* socket, std::size_t answer_bytes)
    : socket_(socket), receive_(answer_bytes) {}
NetlinkDialogue::~NetlinkDialogue() { mnl_socket_close(socket_); }
int NetlinkDialogue::fd() const { return mnl_socket_get_fd(socket_); }

Result<std::unique_ptr<NetlinkDialogue>> NetlinkDialogue::Open(int bus, std::size_t answer_bytes) {
  mnl_socket* socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
  if (socket == nullptr) return SystemStatus("cannot open a netlink socket", errno);
  std::unique_ptr<NetlinkDialogue> dialogue(new NetlinkDialogue(socket, answer_bytes));
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
    return SystemStatus("cannot bind a netlink socket", errno);
  // Hints all of them: errors without the request they are about, and room for many.
  const int on = 1;
  setsockopt(dialogue->fd(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  const int bytes = kReceiveBufferBytes;
  if (setsockopt(dialogue->fd(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    setsockopt(dialogue->fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return dialogue;
}

Status NetlinkDialogue::Send(const void* bytes, std::size_t size) {
  ssize_t sent = 0;
  do {
    sent = mnl_socket_sendto(socket_, bytes, size);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? SystemStatus("cannot send to the kernel", errno) : Status();
}

Status NetlinkDialogue::Ask(const void* request, std::size_t size, const Answer& answer) {
  const std::uint32_t sequence = static_cast<const nlmsghdr*>(request)->nlmsg_seq;
  if (Status status = Send(request, size); !status.ok()) return status;
  bool interrupted = false;
  for (;;) {
    const ssize_t received = recv(fd(), receive_.data(), receive_.size(), 0);
    if (received < 0) {
      if (errno == EINTR) continue;
      return SystemStatus("cannot read the kernel's answer", errno);
    }
    int left = static_cast<int>(received);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(receive_.data());
         mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != sequence) continue;
      // Something changed meanwhile and may be missing.
      if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (message->nlmsg_type == NLMSG_DONE)
        return interrupted ? SystemStatus("the kernel's answer is incomplete", EINTR) : Status();
      if (message->nlmsg_type == NLMSG_ERROR) {  // also the acknowledgement that ends the answers
        const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
        return error->error == 0 ? Status()
                                 : SystemStatus("the kernel refused a request", -error->error);
      }
      if (!answer(message)) return Status();
    }
  }
}

Result<std::map<std::uint32_t, int>> NetlinkDialogue::Tell(const void* requests, std::size_t size) {
  if (Status status = Send(requests, size); !status.ok()) return status;
  std::map<std::uint32_t, int> refused;
  bool lost = false;
  for (;;) {
    const ssize_t received = recv(fd(), receive_.data(), receive_.size(), MSG_DONTWAIT);
    if (received < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      if (errno != ENOBUFS) return SystemStatus("cannot read the kernel's answer", errno);
      lost = true;  // go on: what is left must not be taken for later answers
      continue;
    }
    int left = static_cast<int>(received);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(receive_.data());
         mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_type != NLMSG_ERROR) continue;
      const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
      if (error->error != 0) refused[message->nlmsg_seq] = -error->error;
    }
  }
  if (lost) return SystemStatus("the kernel's answers were lost", ENOBUFS);
  return refused;
}

}  // namespace podgate::nft
