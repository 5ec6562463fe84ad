#include "unit/nft/fake/faulty_channel.h"

#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace podgate::nft {

int FaultyChannel::Send(const char* data, std::size_t bytes) {
  ++sends;
  losing_.reset();
  const auto* first = reinterpret_cast<const nlmsghdr*>(data);
  if (first->nlmsg_type == NFNL_MSG_BATCH_BEGIN) losing_.swap(lose_next_);
  if (bytes > send_limit_bytes) return EMSGSIZE;
  if (on_send) {
    if (const int error = on_send(first); error != 0) return error;
  }
  largest_sent_bytes = std::max(largest_sent_bytes, bytes);
  return real_->Send(data, bytes);
}

ssize_t FaultyChannel::Receive(char* buffer, std::size_t bytes, bool wait) {
  ++receives;
  if (losing_) {
    while (real_->Receive(buffer, bytes, false) >= 0) continue;
    return -(*losing_ != 0 ? std::exchange(*losing_, 0) : EAGAIN);
  }
  // The real kernel has answered already; a wait would only be for what a fault has swallowed.
  const ssize_t received = real_->Receive(buffer, bytes, false);
  return on_receive ? on_receive(buffer, received, wait) : received;
}

std::size_t FaultyChannel::ReserveForSending(std::size_t bytes) {
  return std::min(real_->ReserveForSending(bytes), send_limit_bytes);
}

int FaultyChannel::Renew() {
  if (on_renew != 0) return on_renew;
  ++renewals;
  return real_->Renew();
}

}  // namespace podgate::nft
