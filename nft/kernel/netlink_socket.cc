#include "nft/kernel/netlink_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "nft/base/errors.h"

extern "C" {
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
}

namespace podgate::nft {
namespace {

constexpr std::size_t kDatagramBytes = 128 * 1024;
// Room for sending is made in steps, not for each batch that is a little larger than the last.
constexpr std::size_t kLeastSendRoomBytes = 1 << 20;
// The kernel says once that answers were lost; more is a fault that would never end.
constexpr int kMostLosses = 16;

const nlmsgerr* ErrorOf(const nlmsghdr* message) {
  return static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
}

// The attribute that an extended acknowledgement blames: its offset in the message that was
// refused.
std::uint32_t BlamedOffset(const nlmsghdr* message) {
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
  switch (message->nlmsg_type) {
    case NLMSG_ERROR:
      return sizeof(nlmsghdr) + sizeof(nlmsgerr);
    case NLMSG_DONE:
      return sizeof(nlmsghdr);
    default:
      return sizeof(nlmsghdr) + sizeof(nfgenmsg);
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

// An error of a send: the kernel has not seen the datagram, so that there is no doubt about what
// came of it, as there is when ENOBUFS comes back from a receive.
Status NotSent(const std::string& what, int error) {
  return ErrnoStatus(what, error == ENOBUFS ? ENOMEM : error);
}

}  // namespace

struct NetlinkSocket::BatchAnswers {
  std::vector<BatchError> errors;
  bool acknowledged = false;
  std::string loss;  // why not all answers could be read; empty when they could
};

NetlinkSocket::NetlinkSocket(std::unique_ptr<NetlinkChannel> wire)
    : wire_(std::move(wire)), receive_(kDatagramBytes) {}

Status NetlinkSocket::Ready() {
  if (!renew_) return {};
  if (const int error = wire_->Renew(); error != 0) {
    return ErrnoStatus("Cannot open a netfilter netlink socket again", error);
  }
  renew_ = false;
  send_room_bytes_ = 0;
  return {};
}

Result<std::vector<BatchError>> NetlinkSocket::Send(const Batch& batch) {
  sequence_ = batch.next_sequence();
  if (Status status = Ready(); !status.ok()) return status;
  if (batch.size() > send_room_bytes_) {
    send_room_bytes_ =
        wire_->ReserveForSending(std::max(batch.size() + batch.size() / 2, kLeastSendRoomBytes));
  }
  if (const int error = wire_->Send(batch.data(), batch.size()); error != 0) {
    if (error == EMSGSIZE) {
      return ErrnoStatus(fmt::format("A batch of {} bytes, where the socket takes {}", batch.size(),
                                     send_room_bytes_),
                         EMSGSIZE);
    }
    renew_ = true;
    return NotSent("A batch could not be sent", error);
  }
  BatchAnswers answers = ReadBatchAnswers(batch);
  // One error is proof enough that the kernel threw the batch away, whatever else was lost.
  renew_ = !answers.loss.empty() || (answers.errors.empty() && !answers.acknowledged);
  if (!answers.errors.empty() || !renew_) return std::move(answers.errors);
  return Lost("It is not known whether a batch was committed, read the table back",
              answers.loss.empty() ? "the kernel did not answer" : answers.loss);
}

NetlinkSocket::BatchAnswers NetlinkSocket::ReadBatchAnswers(const Batch& batch) {
  BatchAnswers answers;
  int losses = 0;
  while (!answers.acknowledged && losses < kMostLosses) {
    const ssize_t received = wire_->Receive(receive_.data(), receive_.size(), false);
    if (received == -EAGAIN) break;
    if (received < 0) {  // go on: errors that are left tell what became of the batch
      answers.loss = std::strerror(static_cast<int>(-received));
      ++losses;
      continue;
    }
    const bool whole =
        ForEachMessage(receive_, static_cast<std::size_t>(received), [&](const nlmsghdr* message) {
          if (message->nlmsg_type != NLMSG_ERROR) return true;
          if (batch.RequestOriginOf(message->nlmsg_seq) == nullptr) return true;
          const std::optional<int> error = ErrnoIn(ErrorOf(message)->error);
          if (!error) return false;
          if (*error != 0) {
            answers.errors.push_back({message->nlmsg_seq, *error, BlamedOffset(message)});
          }
          answers.acknowledged = message->nlmsg_seq == batch.acknowledged();
          return true;
        });
    if (!whole) {
      answers.loss = "an answer is garbled";
      ++losses;
    }
  }
  return answers;
}

Status NetlinkSocket::Request(std::uint16_t type, std::uint16_t flags, const Fill& fill,
                              const Answer& answer) {
  if (Status status = Ready(); !status.ok()) return status;
  char buffer[4096];
  const std::uint32_t sequence = sequence_++;
  nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_INET, flags, sequence);
  if (fill) fill(message);
  if (const int error = wire_->Send(buffer, message->nlmsg_len); error != 0) {
    renew_ = true;
    return NotSent("A request could not be sent", error);
  }
  return ReadAnswers(sequence, answer);
}

Status NetlinkSocket::ReadAnswers(std::uint32_t sequence, const Answer& answer) {
  bool interrupted = false;
  bool understood = true;
  int error = 0;
  for (bool done = false; !done;) {
    const ssize_t received = wire_->Receive(receive_.data(), receive_.size(), true);
    if (received < 0) {
      renew_ = true;
      return Lost("The answers to a request were lost, ask again",
                  std::strerror(static_cast<int>(-received)));
    }
    const bool whole =
        ForEachMessage(receive_, static_cast<std::size_t>(received), [&](const nlmsghdr* message) {
          if (message->nlmsg_seq != sequence) return true;
          interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
          if (message->nlmsg_type != NLMSG_DONE && message->nlmsg_type != NLMSG_ERROR) {
            understood &= answer(message);
            return true;
          }
          // The end of a dump, of a failed request, or the acknowledgement of a Get.
          done = true;
          if (mnl_nlmsg_get_payload_len(message) < sizeof(int)) return true;
          const auto value = ErrnoIn(*static_cast<const int*>(mnl_nlmsg_get_payload(message)));
          error = value.value_or(0);
          return value.has_value();
        });
    if (!whole) {
      renew_ = true;
      return Lost("The answers to a request, ask again", "one of them is garbled");
    }
  }
  if (error == EBUSY) renew_ = true;  // an earlier dump of this socket has not come to its end
  if (interrupted || error == EINTR) {
    return ErrnoStatus("A dump was overtaken by a commit", EINTR);
  }
  if (error != 0) return ErrnoStatus("The kernel refused a request", error);
  if (!understood) return Lost("The answers to a request", "one of them cannot be understood");
  return {};
}

Status NetlinkSocket::Dump(std::uint16_t type, const Fill& fill, const Answer& answer) {
  return Request(type, NLM_F_DUMP, fill, answer);
}

Status NetlinkSocket::Get(std::uint16_t type, const Fill& fill, const Answer& answer) {
  return Request(type, NLM_F_ACK, fill, answer);
}

Result<std::uint32_t> NetlinkSocket::Generation() {
  std::optional<std::uint32_t> generation;
  const Status status = Get(NFT_MSG_GETGEN, nullptr, [&](const nlmsghdr* message) {
    const auto* attribute =
        static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
    const char* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
    for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
         attribute = mnl_attr_next(attribute)) {
      if (mnl_attr_get_type(attribute) == NFTA_GEN_ID &&
          mnl_attr_get_payload_len(attribute) == sizeof(std::uint32_t)) {
        generation = ntohl(mnl_attr_get_u32(attribute));
      }
    }
    return generation.has_value();
  });
  if (!status.ok()) return status;
  if (!generation) return Lost("The generation of the rules, ask again", "no answer holds it");
  return *generation;
}

}  // namespace podgate::nft
