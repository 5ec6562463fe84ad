#include "nft/codec/batch.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

extern "C" {
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
}

namespace podgate::nft {
namespace {

// More than any message takes: elements fill one attribute, whose length has 16 bits.
constexpr std::size_t kMessageRoom = 128 * 1024;

}  // namespace

Batch::Batch(std::uint32_t first_sequence, std::optional<std::uint32_t> generation,
             std::uint8_t family)
    : first_sequence_(first_sequence), family_(family) {
  static_assert(kInetTables == NFPROTO_INET);
  const std::uint32_t sequence = Start({});
  nlmsghdr* begin = nftnl_batch_begin(Room(), sequence);
  if (generation) mnl_attr_put_u32(begin, NFNL_BATCH_GENID, htonl(*generation));
  Finish(begin);
}

char* Batch::Room() {
  if (buffer_.size() < size_ + kMessageRoom) buffer_.resize(buffer_.size() * 2 + kMessageRoom);
  return buffer_.data() + size_;
}

std::uint32_t Batch::Start(const RequestOrigin& origin) {
  const std::uint32_t sequence = next_sequence();
  messages_.push_back({size_, origin});
  return sequence;
}

nlmsghdr* Batch::Begin(std::uint16_t type, std::uint16_t flags, const RequestOrigin& origin) {
  const std::uint32_t sequence = Start(origin);
  return nftnl_nlmsg_build_hdr(Room(), type, family_, flags, sequence);
}

void Batch::Finish(const nlmsghdr* message) { size_ += MNL_ALIGN(message->nlmsg_len); }

void Batch::End() {
  if (messages_.size() > 1) {  // more than BATCH_BEGIN, which old kernels do not acknowledge
    auto* last = reinterpret_cast<nlmsghdr*>(buffer_.data() + messages_.back().offset);
    last->nlmsg_flags |= NLM_F_ACK;
    acknowledged_ = last->nlmsg_seq;
  }
  const std::uint32_t sequence = Start({});
  Finish(nftnl_batch_end(Room(), sequence));
}

const RequestOrigin* Batch::RequestOriginOf(std::uint32_t sequence) const {
  const std::uint32_t index = sequence - first_sequence_;
  return index < messages_.size() ? &messages_[index].origin : nullptr;
}

const nlmsghdr* Batch::MessageOf(std::uint32_t sequence) const {
  const std::uint32_t index = sequence - first_sequence_;
  if (index >= messages_.size()) return nullptr;
  return reinterpret_cast<const nlmsghdr*>(buffer_.data() + messages_[index].offset);
}

}  // namespace podgate::nft
