// Datagrams to and from the kernel on one bus of netlink: all that NetlinkClient needs of a socket,
// so that tests can put faults between the code and the real kernel. Internal to nft/; one thread
// at a time.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "nft/base/status.h"

namespace podgate::nft {

// How long a receive waits. The kernel makes its answers while it takes the request, and each later
// part of a dump while the part before is received, so a busy kernel holds up the sender: only an
// answer that was lost is waited for in vain.
inline constexpr int kReceiveTimeoutSeconds = 1;

class NetlinkChannel {
 public:
  virtual ~NetlinkChannel() = default;

  // One datagram in one piece. When it returns 0 the kernel has dealt with it, and all its answers
  // wait, but for the later parts of a dump. Otherwise an errno value, and the kernel has not seen
  // the datagram.
  virtual int Send(const char* data, std::size_t bytes) = 0;

  struct Datagram {
    // Its size, which is above the buffer's when its end had to be cut off; or the negated errno
    // value: -EAGAIN when there is none.
    ssize_t bytes = 0;
    std::uint32_t sender = 0;  // port id (nl_pid): 0 is the kernel, any other a process
  };
  // The next datagram, whoever sent it. Without `wait` it returns at once, otherwise after
  // kReceiveTimeoutSeconds at the latest.
  virtual Datagram Receive(char* buffer, std::size_t bytes, bool wait) = 0;

  // Makes room for sending datagrams of so many bytes, in so far as the system allows. Returns the
  // size of the largest that can be sent now.
  virtual std::size_t ReserveForSending(std::size_t bytes) = 0;

  // Starts over with a new socket: what waits for the old one never comes. 0 or an errno value;
  // then the old one stays. The calling thread must be in the network namespace of the old one.
  virtual int Renew() = 0;
};

// `bus`: NETLINK_NETFILTER, NETLINK_ROUTE. In the network namespace of the calling thread.
Result<std::unique_ptr<NetlinkChannel>> OpenChannel(int bus);

}  // namespace podgate::nft
