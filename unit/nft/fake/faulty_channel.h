// A channel to the real kernel with faults on it, for each bus of netlink.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "nft/kernel/netlink_channel.h"

namespace podgate::nft {

class FaultyChannel : public NetlinkChannel {
 public:
  explicit FaultyChannel(std::unique_ptr<NetlinkChannel> real) : real_(std::move(real)) {}

  // Asked before each datagram is sent: an errno value to return in place of sending it, 0 to send.
  std::function<int(const nlmsghdr* first)> on_send;
  // Gets what the real channel received (as Receive() returns it) and says what is returned; may
  // change the datagram in the buffer. Without `waits` it is one of the answers to a batch.
  std::function<ssize_t(char* buffer, ssize_t received, bool waits)> on_receive;
  // Datagrams of another process, received before any of the kernel's.
  std::deque<std::string> forged;
  // As of a system that does not let the send buffer grow any further.
  std::size_t send_limit_bytes = std::numeric_limits<std::size_t>::max();
  int on_renew = 0;  // an errno value to return instead of a new socket

  int sends = 0;
  int receives = 0;
  int renewals = 0;
  std::size_t largest_sent_bytes = 0;

  int Send(const char* data, std::size_t bytes) override;
  Datagram Receive(char* buffer, std::size_t bytes, bool wait) override;
  std::size_t ReserveForSending(std::size_t bytes) override;
  int Renew() override;

  // The answers to the next batch are lost. What is received in their place is an error, or with 0
  // nothing.
  void LoseNextAnswers(int error) { lose_next_ = error; }
  // Another process says that the request with the number ended so: 0 or a negated errno value.
  void Forge(std::uint32_t sequence, int error);

 private:
  std::optional<int> lose_next_;
  std::optional<int> losing_;  // the answers to the batch that was sent last
  std::unique_ptr<NetlinkChannel> real_;
};

// The message in the buffer of a Receive().
inline nlmsghdr* MessageIn(char* buffer) { return reinterpret_cast<nlmsghdr*>(buffer); }

// A faulty channel on the bus, in the network namespace of the calling thread; nullptr where none
// can be opened.
std::unique_ptr<FaultyChannel> OpenFaultyChannel(int bus);

}  // namespace podgate::nft
