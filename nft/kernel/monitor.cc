#include "nft/kernel/monitor.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <deque>

#include "nft/base/errors.h"

extern "C" {
#include <libmnl/libmnl.h>
}

namespace podgate::nft {
namespace {

constexpr std::uint16_t kNewGeneration = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN;
constexpr std::size_t kMostTransactions = 64;
constexpr std::size_t kMessageBytes = 1024;

// The kernel sends the end of a transaction, and only that, in a datagram of its own. The others
// must not reach the socket's buffer: a large transaction would fill it, and the one that matters
// would be lost.
int LetOnlyGenerationsThrough(int fd) {
  std::array<sock_filter, 4> program = {{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
      // The header is in host order, and the load takes it for network order.
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(kNewGeneration), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog filter = {program.size(), program.data()};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

class SocketMonitor : public Monitor {
 public:
  explicit SocketMonitor(int fd) : fd_(fd) {}
  ~SocketMonitor() override { close(fd_); }
  SocketMonitor(const SocketMonitor&) = delete;
  SocketMonitor& operator=(const SocketMonitor&) = delete;

  std::vector<Transaction> Take() override {
    std::deque<Transaction> heard;
    for (;;) {
      alignas(nlmsghdr) char buffer[kMessageBytes];
      sockaddr_nl sender{};
      socklen_t size = sizeof sender;
      const ssize_t received = recvfrom(fd_, buffer, sizeof buffer, MSG_DONTWAIT,
                                        reinterpret_cast<sockaddr*>(&sender), &size);
      if (received < 0 && (errno == EINTR || errno == ENOBUFS)) continue;  // some are missed
      if (received < 0) break;
      if (sender.nl_pid != 0) continue;  // not the kernel
      const auto* message = reinterpret_cast<const nlmsghdr*>(buffer);
      if (!IsGeneration(message, static_cast<std::size_t>(received))) continue;
      heard.push_back(Read(message));
      if (heard.size() > kMostTransactions) heard.pop_front();
    }
    return {heard.begin(), heard.end()};
  }

  void Leave() override { SetMembership(NETLINK_DROP_MEMBERSHIP); }
  void Join() override { SetMembership(NETLINK_ADD_MEMBERSHIP); }
  int fd() const override { return fd_; }

  // 0 or an errno value.
  int SetMembership(int option) {
    const int group = NFNLGRP_NFTABLES;
    return setsockopt(fd_, SOL_NETLINK, option, &group, sizeof group) == 0 ? 0 : errno;
  }

 private:
  // Whole, too: of a datagram that was cut off the message is longer than what came.
  static bool IsGeneration(const nlmsghdr* message, std::size_t bytes) {
    return bytes >= sizeof(nlmsghdr) + sizeof(nfgenmsg) && message->nlmsg_len <= bytes &&
           message->nlmsg_len >= sizeof(nlmsghdr) + sizeof(nfgenmsg) &&
           message->nlmsg_type == kNewGeneration;
  }

  static Transaction Read(const nlmsghdr* message) {
    Transaction transaction;
    const auto* attribute =
        static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
    const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
    for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
         attribute = mnl_attr_next(attribute)) {
      const std::size_t bytes = mnl_attr_get_payload_len(attribute);
      const auto* payload = static_cast<const char*>(mnl_attr_get_payload(attribute));
      const std::uint16_t type = mnl_attr_get_type(attribute);
      if (type == NFTA_GEN_PROC_NAME) {
        transaction.process_name.assign(payload, strnlen(payload, bytes));
      } else if (type == NFTA_GEN_ID && bytes == sizeof(std::uint32_t)) {
        transaction.generation = ntohl(mnl_attr_get_u32(attribute));
      } else if (type == NFTA_GEN_PROC_PID && bytes == sizeof(std::uint32_t)) {
        transaction.process_id = ntohl(mnl_attr_get_u32(attribute));
      }
    }
    return transaction;
  }

  const int fd_;
};

}  // namespace

Result<std::unique_ptr<Monitor>> OpenMonitor() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return ErrnoStatus("Cannot open a netlink socket for foreign changes", errno);
  auto monitor = std::make_unique<SocketMonitor>(fd);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      LetOnlyGenerationsThrough(fd) != 0) {
    return ErrnoStatus("Cannot prepare a netlink socket for foreign changes", errno);
  }
  if (const int error = monitor->SetMembership(NETLINK_ADD_MEMBERSHIP); error != 0) {
    return ErrnoStatus("Cannot listen to foreign changes", error);
  }
  return std::unique_ptr<Monitor>(std::move(monitor));
}

}  // namespace podgate::nft
