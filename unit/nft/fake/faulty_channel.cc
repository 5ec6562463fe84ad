#include "unit/nft/fake/faulty_channel.h"

#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace podgate::nft {
namespace {

constexpr std::uint32_t kForger = 4242;  // port id of another process

}  // namespace

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

NetlinkChannel::Datagram FaultyChannel::Receive(char* buffer, std::size_t bytes, bool wait) {
  ++receives;
  if (!forged.empty()) {
    const std::string datagram = std::move(forged.front());
    forged.pop_front();
    datagram.copy(buffer, bytes);
    return {static_cast<ssize_t>(datagram.size()), kForger};
  }
  if (losing_) {
    while (real_->Receive(buffer, bytes, false).bytes >= 0) continue;
    return {-(*losing_ != 0 ? std::exchange(*losing_, 0) : EAGAIN), 0};
  }
  // The real kernel has answered already; a wait would only be for what a fault has swallowed.
  const Datagram received = real_->Receive(buffer, bytes, false);
  return {on_receive ? on_receive(buffer, received.bytes, wait) : received.bytes, received.sender};
}

void FaultyChannel::Forge(std::uint32_t sequence, int error) {
  std::string datagram(NLMSG_LENGTH(sizeof(nlmsgerr)), '\0');
  nlmsghdr* message = MessageIn(datagram.data());
  message->nlmsg_len = static_cast<std::uint32_t>(datagram.size());
  message->nlmsg_type = NLMSG_ERROR;
  message->nlmsg_seq = sequence;
  static_cast<nlmsgerr*>(NLMSG_DATA(message))->error = error;
  forged.push_back(std::move(datagram));
}

std::size_t FaultyChannel::ReserveForSending(std::size_t bytes) {
  return std::min(real_->ReserveForSending(bytes), send_limit_bytes);
}

int FaultyChannel::Renew() {
  if (on_renew != 0) return on_renew;
  ++renewals;
  return real_->Renew();
}

std::unique_ptr<FaultyChannel> OpenFaultyChannel(int bus) {
  auto real = OpenChannel(bus);
  if (!real.ok()) return nullptr;
  return std::make_unique<FaultyChannel>(std::move(real).value());
}

}  // namespace podgate::nft
