// Datagrams to and from the kernel's netfilter: all that the netlink code needs of a socket, so
// that tests can put faults between the code and the real kernel. Internal to nft/; one thread at a
// time.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>

#include "nft/base/status.h"

namespace podgate::nft {

class NetlinkChannel {
 public:
  virtual ~NetlinkChannel() = default;

  // One datagram in one piece. When it returns 0 the kernel has dealt with it, and all its answers
  // wait, but for the later parts of a dump. Otherwise an errno value, and the kernel has not seen
  // the datagram.
  virtual int Send(const char* data, std::size_t bytes) = 0;

  // The next datagram from the kernel: its size, which is above `bytes` when its end had to be cut
  // off; or the negated errno value: -EAGAIN when there is none, with `wait` after a second.
  virtual ssize_t Receive(char* buffer, std::size_t bytes, bool wait) = 0;

  // Makes room for sending datagrams of so many bytes, in so far as the system allows. Returns the
  // size of the largest that can be sent now.
  virtual std::size_t ReserveForSending(std::size_t bytes) = 0;

  // Starts over with a new socket: what waits for the old one never comes. 0 or an errno value;
  // then the old one stays. The calling thread must be in the network namespace of the old one.
  virtual int Renew() = 0;
};

Result<std::unique_ptr<NetlinkChannel>> OpenWire();

}  // namespace podgate::nft
