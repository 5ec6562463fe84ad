// The one client of the kernel's netlink buses: requests and batches out, answers and errors in,
// over a NetlinkChannel. It waits for no answer longer than kReceiveTimeoutSeconds, hears nobody
// but the kernel, and takes no datagram that was cut off or whose message lengths do not fit. What
// was lost or cannot be understood is said and never taken for success; the next request then
// starts on a new socket, so that nothing late is taken for its answer.
//
// Internal to nft/ and the agent's look at the node's links; one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "nft/base/status.h"
#include "nft/codec/batch.h"
#include "nft/kernel/netlink_channel.h"

struct nlmsghdr;

namespace podgate::nft {

class NetlinkClient {
 public:
  // Room for the longest datagram. The kernel fills at most 32 KiB for one read of a dump.
  static constexpr std::size_t kDumpBytes = 64 * 1024;
  // Room for one object, a link with all its properties for example.
  static constexpr std::size_t kObjectBytes = 16 * 1024;

  // `bus`: NETLINK_NETFILTER, NETLINK_ROUTE.
  static Result<std::unique_ptr<NetlinkClient>> Open(int bus,
                                                     std::size_t answer_bytes = kDumpBytes);
  explicit NetlinkClient(std::unique_ptr<NetlinkChannel> channel,
                         std::size_t answer_bytes = kDumpBytes);

  // The next sequence number that no message of this client has had: the first of what is sent
  // next has to have it.
  std::uint32_t next_sequence() const { return sequence_; }

  // One request (with NLM_F_DUMP or NLM_F_ACK), all its answers, read to the end. `answer` gets
  // each and returns false for one that it cannot understand. Three codes mean "ask again":
  // kInterrupted (a change overtook the dump), kOverrun (not all answers came, or not all can be
  // understood) and kBusy (the kernel cannot do it just now). kUnavailable: the kernel did not
  // answer in time. All others are the kernel's refusal, as nft/base/errors.h maps it.
  using Answer = std::function<bool(const nlmsghdr*)>;
  Status Ask(const nlmsghdr* request, const Answer& answer);
  // The same for a dump that may be given up: false from `more` ends the reading.
  Status AskUntil(const nlmsghdr* request, const Answer& more);

  // Many requests in one send, without acknowledgement, numbered up to `end_sequence`, exclusive:
  // those that the kernel refused, by sequence number, with their errno values. kOverrun: answers
  // were lost.
  using Refusals = std::map<std::uint32_t, int>;
  Result<Refusals> Tell(const char* requests, std::size_t bytes, std::uint32_t end_sequence);

  // Sends a finished batch in one piece. The errors are those that the kernel reported, in its
  // order, and then nothing was changed; none when the batch was committed. Unlike requests, a
  // batch is acknowledged: without that, silence would be all that tells success from a loss.
  // kOverrun: answers were lost, and either may be the case. Any other status: the kernel has not
  // seen the batch.
  Result<std::vector<BatchError>> Commit(const Batch& batch);

 private:
  enum class Heard { kUnderstood, kGarbled, kEnough };
  using Hear = std::function<Heard(const nlmsghdr*)>;
  struct Errors;

  Status Send(const char* data, std::size_t bytes, std::uint32_t end_sequence);
  ssize_t Receive(bool wait);
  Status Converse(const nlmsghdr* request, const Hear& hear);
  Errors ReadErrors(std::uint32_t first_sequence, std::optional<std::uint32_t> acknowledged);

  std::unique_ptr<NetlinkChannel> channel_;
  std::uint32_t sequence_ = 1;
  bool renew_ = false;               // answers to an earlier request may still come, or never end
  std::size_t send_room_bytes_ = 0;  // of the channel; 0: not asked yet
  std::vector<char> receive_;
};

}  // namespace podgate::nft
