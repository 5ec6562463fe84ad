#include "nft/netlink_socket.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "nft/errors.h"

extern "C" {
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
}

namespace podgate::nft {
namespace {

// Room for the errors of some ten thousand refused messages.
constexpr int kReceiveBufferBytes = 8 << 20;
constexpr std::size_t kDatagramBytes = 128 * 1024;
// Beside the batch itself the kernel counts its bookkeeping against the send buffer.
constexpr std::size_t kSendOverheadBytes = 64 * 1024;

// Beyond the limits of the system where we may, within them otherwise.
void ForceBuffer(int fd, int forced_option, int option, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, forced_option, &bytes, sizeof bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes);
  }
}

const nlmsgerr* ErrorOf(const nlmsghdr* message) {
  return static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
}

// The attribute that an extended acknowledgement blames: its offset in the message that was
// refused.
std::uint32_t BlamedOffset(const nlmsghdr* message) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return 0;
  std::size_t skip = sizeof(nlmsghdr) + sizeof(nlmsgerr);
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0) {
    skip += MNL_ALIGN(ErrorOf(message)->msg.nlmsg_len) - sizeof(nlmsghdr);
  }
  const char* end = reinterpret_cast<const char*>(message) + message->nlmsg_len;
  const char* at = reinterpret_cast<const char*>(message) + skip;
  while (at + sizeof(nlattr) <= end) {
    const auto* attribute = reinterpret_cast<const nlattr*>(at);
    if (attribute->nla_len < sizeof(nlattr) || at + attribute->nla_len > end) break;
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_OFFS &&
        mnl_attr_get_payload_len(attribute) == sizeof(std::uint32_t)) {
      return mnl_attr_get_u32(attribute);
    }
    at += MNL_ALIGN(attribute->nla_len);
  }
  return 0;
}

}  // namespace

NetlinkSocket::NetlinkSocket(mnl_socket* socket) : socket_(socket), receive_(kDatagramBytes) {}
NetlinkSocket::~NetlinkSocket() { mnl_socket_close(socket_); }
int NetlinkSocket::fd() const { return mnl_socket_get_fd(socket_); }

Result<std::unique_ptr<NetlinkSocket>> NetlinkSocket::Open() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
  if (socket == nullptr) return ErrnoStatus("Cannot open a netfilter netlink socket", errno);
  std::unique_ptr<NetlinkSocket> owner(new NetlinkSocket(socket));
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
    return ErrnoStatus("Cannot bind a netfilter netlink socket", errno);
  }
  // Both are hints: without them errors lack the offset of the attribute at fault.
  const int on = 1;
  setsockopt(owner->fd(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(owner->fd(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  ForceBuffer(owner->fd(), SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBufferBytes);
  return owner;
}

Result<std::vector<BatchError>> NetlinkSocket::Send(const Batch& batch) {
  sequence_ = batch.next_sequence();
  const std::size_t wanted = batch.size() + kSendOverheadBytes;
  if (wanted > send_buffer_bytes_) {
    if (wanted > static_cast<std::size_t>(INT32_MAX)) return ErrnoStatus("A batch", EMSGSIZE);
    ForceBuffer(fd(), SO_SNDBUFFORCE, SO_SNDBUF, static_cast<int>(wanted));
    send_buffer_bytes_ = wanted;
  }
  ssize_t sent = 0;
  do {
    sent = mnl_socket_sendto(socket_, batch.data(), batch.size());
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return ErrnoStatus("A batch could not be sent", errno);

  std::vector<BatchError> errors;
  bool overrun = false;
  for (;;) {
    const ssize_t received = recv(fd(), receive_.data(), receive_.size(), MSG_DONTWAIT);
    if (received < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      if (errno != ENOBUFS) return ErrnoStatus("The answers to a batch could not be read", errno);
      overrun = true;  // go on: what is left in the socket must not be taken for later answers
      continue;
    }
    int left = static_cast<int>(received);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(receive_.data());
         mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_type != NLMSG_ERROR) continue;
      if (batch.OriginOf(message->nlmsg_seq) == nullptr) continue;
      const int error = -ErrorOf(message)->error;
      if (error != 0) errors.push_back({message->nlmsg_seq, error, BlamedOffset(message)});
    }
  }
  if (overrun) return ErrnoStatus("The answers to a batch", ENOBUFS);
  return errors;
}

Status NetlinkSocket::Request(std::uint16_t type, std::uint16_t flags, const Fill& fill,
                              const Answer& answer) {
  char buffer[4096];
  const std::uint32_t sequence = sequence_++;
  nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_INET, flags, sequence);
  if (fill) fill(message);
  if (mnl_socket_sendto(socket_, message, message->nlmsg_len) < 0) {
    return ErrnoStatus("A request could not be sent", errno);
  }
  return ReadAnswers(sequence, answer);
}

Status NetlinkSocket::ReadAnswers(std::uint32_t sequence, const Answer& answer) {
  bool interrupted = false;
  for (;;) {
    const ssize_t received = recv(fd(), receive_.data(), receive_.size(), 0);
    if (received < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus("The answer to a request could not be read", errno);
    }
    int left = static_cast<int>(received);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(receive_.data());
         mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != sequence) continue;
      if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (message->nlmsg_type == NLMSG_DONE) {
        return interrupted ? ErrnoStatus("A dump was overtaken by a commit", EINTR) : Status();
      }
      if (message->nlmsg_type == NLMSG_ERROR) {  // also the acknowledgement that ends a Get
        const int error = -ErrorOf(message)->error;
        return error == 0 ? Status() : ErrnoStatus("The kernel refused a request", error);
      }
      answer(message);
    }
  }
}

Status NetlinkSocket::Dump(std::uint16_t type, const Fill& fill, const Answer& answer) {
  return Request(type, NLM_F_DUMP, fill, answer);
}

Status NetlinkSocket::Get(std::uint16_t type, const Fill& fill, const Answer& answer) {
  return Request(type, NLM_F_ACK, fill, answer);
}

Result<std::uint32_t> NetlinkSocket::Generation() {
  std::uint32_t generation = 0;
  const Status status = Get(NFT_MSG_GETGEN, nullptr, [&](const nlmsghdr* message) {
    const auto* attribute =
        static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
    const char* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
    for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
         attribute = mnl_attr_next(attribute)) {
      if (mnl_attr_get_type(attribute) == NFTA_GEN_ID) {
        generation = ntohl(mnl_attr_get_u32(attribute));
      }
    }
  });
  if (!status.ok()) return status;
  return generation;
}

}  // namespace podgate::nft
