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
// What the kernel keeps back of the send buffer.
constexpr std::size_t kSendReserveBytes = 32;

// Beyond the system's limit if that is permitted, otherwise up to it.
void SetBuffer(int fd, int forced_option, int option, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, forced_option, &bytes, sizeof bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes);
  }
}

// A descriptor, or the negated errno value.
int OpenSocket(int bus) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, bus);
  if (fd < 0) return -errno;
  const timeval timeout = {kReceiveTimeoutSeconds, 0};
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  // Hints all of them: errors with the offset of the attribute at fault and without the request
  // that they are about, and room for many.
  const int on = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  // Without it rtnetlink passes over what a dump is asked to be about.
  if (bus == NETLINK_ROUTE) setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBufferBytes);
  return fd;
}

class SocketChannel : public NetlinkChannel {
 public:
  SocketChannel(int bus, int fd) : bus_(bus), fd_(fd) {}
  ~SocketChannel() override { close(fd_); }
  SocketChannel(const SocketChannel&) = delete;
  SocketChannel& operator=(const SocketChannel&) = delete;

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

  Datagram Receive(char* buffer, std::size_t bytes, bool wait) override {
    for (;;) {
      sockaddr_nl sender{};
      socklen_t size = sizeof sender;
      const ssize_t received = recvfrom(fd_, buffer, bytes, MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT),
                                        reinterpret_cast<sockaddr*>(&sender), &size);
      if (received < 0 && errno == EINTR) continue;
      if (received < 0) return {-errno, 0};
      return {received, sender.nl_pid};
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
    const int fd = OpenSocket(bus_);
    if (fd < 0) return -fd;
    close(std::exchange(fd_, fd));
    return 0;
  }

 private:
  const int bus_;
  int fd_;
};

}  // namespace

Result<std::unique_ptr<NetlinkChannel>> OpenChannel(int bus) {
  const int fd = OpenSocket(bus);
  if (fd < 0) return ErrnoStatus("Cannot open a netlink socket", -fd);
  return std::unique_ptr<NetlinkChannel>(std::make_unique<SocketChannel>(bus, fd));
}

}  // namespace podgate::nft
