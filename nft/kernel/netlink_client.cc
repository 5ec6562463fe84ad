#include "nft/kernel/netlink_client.h"

#include <fmt/format.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "nft/base/errors.h"

extern "C" {
#include <libmnl/libmnl.h>
}

namespace podgate::nft {
namespace {

// Room for sending is made in steps, not for each batch that is a little larger than the last.
constexpr std::size_t kLeastSendRoomBytes = 1 << 20;
// The kernel says once that answers were lost; more is a fault that would never end.
constexpr int kMostLosses = 16;
// As many datagrams of other processes are passed over in a row.
constexpr int kMostForeign = 16;

const nlmsgerr* ErrorOf(const nlmsghdr* message) {
  return static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
}

// The attribute that an extended acknowledgement names: its offset in the message that was refused.
std::uint32_t OffsetAtFault(const nlmsghdr* message) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return 0;
  std::size_t skip = sizeof(nlmsghdr) + sizeof(nlmsgerr);
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0) {
    const std::size_t quoted = ErrorOf(message)->msg.nlmsg_len;
    if (quoted < sizeof(nlmsghdr) || quoted > message->nlmsg_len) return 0;
    skip += MNL_ALIGN(quoted) - sizeof(nlmsghdr);
  }
  if (skip > message->nlmsg_len) return 0;
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

// The errno value that an answer carries negated, 0 for none; nullopt when it is none.
std::optional<int> ErrnoIn(int answer) {
  constexpr int kLargest = 4095;  // as the kernel has it
  if (answer > 0 || answer < -kLargest) return std::nullopt;
  return -answer;
}

// Shorter than this it is no message of its kind.
std::size_t LeastBytes(const nlmsghdr* message) {
  constexpr std::size_t kLeastHeaderBytes = 4;  // nfgenmsg; those of NETLINK_ROUTE are longer
  switch (message->nlmsg_type) {
    case NLMSG_ERROR:
      return sizeof(nlmsghdr) + sizeof(nlmsgerr);
    case NLMSG_DONE:
      return sizeof(nlmsghdr);
    default:
      return sizeof(nlmsghdr) + kLeastHeaderBytes;
  }
}

// Calls `handle` for each message; false when it returned false for one, and when the datagram is
// no row of whole messages.
template <typename Handle>
bool ForEachMessage(const std::vector<char>& buffer, std::size_t bytes, Handle handle) {
  if (bytes == 0 || bytes > buffer.size()) return false;  // the latter: its end was cut off
  // (mnl_nlmsg_ok() takes a length above 2^31 for good.)
  for (std::size_t at = 0; at < bytes;) {
    const std::size_t left = bytes - at;
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data() + at);
    if (left < sizeof(nlmsghdr) || message->nlmsg_len > left) return false;
    if (message->nlmsg_len < LeastBytes(message) || !handle(message)) return false;
    at += MNL_ALIGN(message->nlmsg_len);
  }
  return true;
}

Status Lost(const std::string& what, const std::string& why) {
  return Status(Status::Code::kOverrun, fmt::format("{}: {}", what, why));
}

}  // namespace

struct NetlinkClient::Errors {
  std::vector<BatchError> errors;
  bool acknowledged = false;
  std::string loss;  // why not all answers could be read; empty when they could
};

Result<std::unique_ptr<NetlinkClient>> NetlinkClient::Open(int bus, std::size_t answer_bytes) {
  auto channel = OpenChannel(bus);
  if (!channel.ok()) return channel.status();
  return std::make_unique<NetlinkClient>(std::move(channel).value(), answer_bytes);
}

NetlinkClient::NetlinkClient(std::unique_ptr<NetlinkChannel> channel, std::size_t answer_bytes)
    : channel_(std::move(channel)), receive_(answer_bytes) {}

Status NetlinkClient::Send(const char* data, std::size_t bytes, std::uint32_t end_sequence) {
  sequence_ = end_sequence;
  if (renew_) {
    if (const int error = channel_->Renew(); error != 0)
      return ErrnoStatus("Cannot open a netlink socket again", error);
    renew_ = false;
    send_room_bytes_ = 0;
  }
  if (bytes > send_room_bytes_) {
    send_room_bytes_ =
        channel_->ReserveForSending(std::max(bytes + bytes / 2, kLeastSendRoomBytes));
  }
  const int error = channel_->Send(data, bytes);
  if (error == 0) return {};
  if (error == EMSGSIZE) {
    return ErrnoStatus(
        fmt::format("Cannot send {} bytes, where the socket takes {}", bytes, send_room_bytes_),
        EMSGSIZE);
  }
  renew_ = true;
  // The kernel has not seen the datagram, so that there is no doubt about what came of it, as there
  // is when ENOBUFS comes back from a receive.
  return ErrnoStatus("Cannot send to the kernel", error == ENOBUFS ? ENOMEM : error);
}

// The size of the kernel's next datagram in receive_, or the negated errno value. A process that
// writes to us is not the kernel, and one that never stops must not hold us.
ssize_t NetlinkClient::Receive(bool wait) {
  for (int foreign = 0; foreign < kMostForeign; ++foreign) {
    const auto datagram = channel_->Receive(receive_.data(), receive_.size(), wait);
    if (datagram.bytes < 0 || datagram.sender == 0) return datagram.bytes;
  }
  return -EPROTO;
}

Result<std::vector<BatchError>> NetlinkClient::Commit(const Batch& batch) {
  const std::uint32_t first = sequence_;
  if (Status status = Send(batch.data(), batch.size(), batch.next_sequence()); !status.ok())
    return status;
  Errors answers = ReadErrors(first, batch.acknowledged());
  // One error is proof enough that the kernel threw the batch away, whatever else was lost.
  renew_ = !answers.loss.empty() || (answers.errors.empty() && !answers.acknowledged);
  if (!answers.errors.empty() || !renew_) return std::move(answers.errors);
  return Lost("It is not known whether the change was committed",
              answers.loss.empty() ? "the kernel did not answer" : answers.loss);
}

Result<NetlinkClient::Refusals> NetlinkClient::Tell(const char* requests, std::size_t bytes,
                                                    std::uint32_t end_sequence) {
  const std::uint32_t first = sequence_;
  if (Status status = Send(requests, bytes, end_sequence); !status.ok()) return status;
  const Errors answers = ReadErrors(first, std::nullopt);
  renew_ = !answers.loss.empty();
  if (renew_) return Lost("It is not known which requests were refused", answers.loss);
  Refusals refusals;
  for (const BatchError& error : answers.errors) refusals[error.sequence] = error.error;
  return refusals;
}

// Without waiting: the kernel has dealt with all of it when the send returns. To the
// acknowledgement, or else to the last answer.
NetlinkClient::Errors NetlinkClient::ReadErrors(std::uint32_t first_sequence,
                                                std::optional<std::uint32_t> acknowledged) {
  Errors answers;
  int losses = 0;
  while (!answers.acknowledged && losses < kMostLosses) {
    const ssize_t received = Receive(false);
    if (received == -EAGAIN) break;
    if (received < 0) {  // go on: errors that are left tell what became of the batch
      answers.loss = std::strerror(static_cast<int>(-received));
      ++losses;
      continue;
    }
    const bool whole =
        ForEachMessage(receive_, static_cast<std::size_t>(received), [&](const nlmsghdr* message) {
          if (message->nlmsg_type != NLMSG_ERROR) return true;
          if (message->nlmsg_seq - first_sequence >= sequence_ - first_sequence) return true;
          const std::optional<int> error = ErrnoIn(ErrorOf(message)->error);
          if (!error) return false;
          if (*error != 0)
            answers.errors.push_back({message->nlmsg_seq, *error, OffsetAtFault(message)});
          answers.acknowledged = acknowledged == message->nlmsg_seq;
          return true;
        });
    if (!whole) {
      answers.loss = "an answer is garbled";
      ++losses;
    }
  }
  return answers;
}

Status NetlinkClient::Ask(const nlmsghdr* request, const Answer& answer) {
  return Converse(request, [&answer](const nlmsghdr* message) {
    return answer(message) ? Heard::kUnderstood : Heard::kGarbled;
  });
}

Status NetlinkClient::AskUntil(const nlmsghdr* request, const Answer& more) {
  return Converse(request, [&more](const nlmsghdr* message) {
    return more(message) ? Heard::kUnderstood : Heard::kEnough;
  });
}

Status NetlinkClient::Converse(const nlmsghdr* request, const Hear& hear) {
  const std::uint32_t sequence = request->nlmsg_seq;
  Status sent = Send(reinterpret_cast<const char*>(request), request->nlmsg_len, sequence + 1);
  if (!sent.ok()) return sent;
  bool interrupted = false;
  bool understood = true;
  bool enough = false;
  int error = 0;
  for (bool done = false; !done;) {
    const ssize_t received = Receive(true);
    if (received == -EAGAIN) {
      renew_ = true;
      return Status(
          CodeOf(ETIMEDOUT),
          fmt::format("The kernel did not answer a request within {} s", kReceiveTimeoutSeconds));
    }
    if (received < 0) {
      renew_ = true;
      return Lost("The answers to a request were lost", std::strerror(static_cast<int>(-received)));
    }
    const bool whole =
        ForEachMessage(receive_, static_cast<std::size_t>(received), [&](const nlmsghdr* message) {
          if (message->nlmsg_seq != sequence || enough) return true;
          interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
          if (message->nlmsg_type != NLMSG_DONE && message->nlmsg_type != NLMSG_ERROR) {
            const Heard heard = hear(message);
            understood &= heard != Heard::kGarbled;
            enough = heard == Heard::kEnough;
            return true;
          }
          // The end of a dump, of a failed request, or the acknowledgement.
          done = true;
          if (mnl_nlmsg_get_payload_len(message) < sizeof(int)) return true;
          const auto value = ErrnoIn(*static_cast<const int*>(mnl_nlmsg_get_payload(message)));
          error = value.value_or(0);
          return value.has_value();
        });
    if (enough) {  // the rest of the answers is still to come
      renew_ = true;
      return {};
    }
    if (!whole) {
      renew_ = true;
      return Lost("The answers to a request cannot be used", "one of them is garbled");
    }
  }
  if (error == EBUSY) renew_ = true;  // an earlier dump of this socket has not come to its end
  if (interrupted || error == EINTR) return ErrnoStatus("A dump is incomplete", EINTR);
  if (error != 0) return ErrnoStatus("The kernel refused a request", error);
  if (!understood)
    return Lost("The answers to a request cannot be used", "one of them is not understood");
  return {};
}

}  // namespace podgate::nft
