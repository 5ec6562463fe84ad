#include "nft/kernel/netlink_channel.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "nft/base/errors.h"

namespace podgate::nft {
namespace {

// Room for the errors of some ten thousand refused messages.
constexpr int kReceiveBufferBytes = 8 << 20;
// The kernel answers before a send returns; only what is lost is waited for.
constexpr timeval kReceiveTimeout = {1, 0};
// What the kernel keeps back of the send buffer, as it refuses datagrams.
constexpr std::size_t kSendReserveBytes = 32;

// Beyond the limits of the system where we may, within them otherwise.
void SetBuffer(int fd, int forced_option, int option, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, forced_option, &bytes, sizeof bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes);
  }
}

// A descriptor, or the negated errno value.
int OpenSocket() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return -errno;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout, sizeof kReceiveTimeout) != 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  // Both are hints: without them errors lack the offset of the attribute at fault.
  const int on = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBufferBytes);
  return fd;
}

class SocketWire : public NetlinkChannel {
 public:
  explicit SocketWire(int fd) : fd_(fd) {}
  ~SocketWire() override { close(fd_); }
  SocketWire(const SocketWire&) = delete;
  SocketWire& operator=(const SocketWire&) = delete;

  int Send(const char* data, std::size_t bytes) override {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    for (;;) {
      if (sendto(fd_, data, bytes, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) >=
          0) {
        return 0;
      }
      if (errno != EINTR) return errno;
    }
  }

  ssize_t Receive(char* buffer, std::size_t bytes, bool wait) override {
    for (;;) {
      sockaddr_nl sender{};
      socklen_t size = sizeof sender;
      const ssize_t received = recvfrom(fd_, buffer, bytes, MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT),
                                        reinterpret_cast<sockaddr*>(&sender), &size);
      if (received < 0 && errno == EINTR) continue;
      if (received < 0) return -errno;
      if (sender.nl_pid == 0) return received;  // a process that writes to us is not the kernel
    }
  }

  std::size_t ReserveForSending(std::size_t bytes) override {
    const std::size_t wanted = bytes + kSendReserveBytes;
    const std::size_t largest = std::numeric_limits<int>::max() / 2;
    // The kernel doubles what it is given.
    const int half = static_cast<int>(std::min(wanted, largest) / 2 + 1);
    SetBuffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF, half);
    int got = 0;
    socklen_t size = sizeof got;
    getsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &got, &size);
    const std::size_t room = static_cast<std::size_t>(std::max(got, 0));
    return room - std::min(room, kSendReserveBytes);
  }

  int Renew() override {
    const int fd = OpenSocket();
    if (fd < 0) return -fd;
    close(std::exchange(fd_, fd));
    return 0;
  }

 private:
  int fd_;
};

}  // namespace

Result<std::unique_ptr<NetlinkChannel>> OpenWire() {
  const int fd = OpenSocket();
  if (fd < 0) return ErrnoStatus("Cannot open a netfilter netlink socket", -fd);
  return std::unique_ptr<NetlinkChannel>(std::make_unique<SocketWire>(fd));
}

}  // namespace podgate::nft
