// The netfilter netlink protocol over a NetlinkChannel: batches out, errors and dumps in. What was
// lost or cannot be understood is said and never taken for success; the next request then starts on
// a new socket, so that nothing late is taken for its answer. Internal to nft/; one thread at a
// time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "nft/base/status.h"
#include "nft/codec/batch.h"
#include "nft/kernel/netlink_channel.h"

struct nlmsghdr;

namespace podgate::nft {

class NetlinkSocket {
 public:
  explicit NetlinkSocket(std::unique_ptr<NetlinkChannel> wire);

  // The next sequence number that no message of this socket has had.
  std::uint32_t NextSequence() const { return sequence_; }

  // Sends a finished batch in one piece. The errors are those that the kernel reported, in its
  // order, and then nothing was changed; none when the batch was committed. kOverrun: answers were
  // lost, and either may be the case. Any other status: the kernel has not seen the batch.
  Result<std::vector<BatchError>> Send(const Batch& batch);

  // One request, all its answers. `fill` adds attributes to the request, `answer` gets each
  // message and returns false for one that it cannot understand. The answers are read to the end.
  // kInterrupted: a commit overtook the dump; kOverrun: not all answers came, or not all can be
  // understood; kBusy: the kernel cannot just now. All three: ask again.
  using Fill = std::function<void(nlmsghdr*)>;
  using Answer = std::function<bool(const nlmsghdr*)>;
  Status Dump(std::uint16_t type, const Fill& fill, const Answer& answer);
  Status Get(std::uint16_t type, const Fill& fill, const Answer& answer);

  Result<std::uint32_t> Generation();

 private:
  struct BatchAnswers;
  Status Ready();
  BatchAnswers ReadBatchAnswers(const Batch& batch);
  Status Request(std::uint16_t type, std::uint16_t flags, const Fill& fill, const Answer& answer);
  Status ReadAnswers(std::uint32_t sequence, const Answer& answer);

  std::unique_ptr<NetlinkChannel> wire_;
  std::uint32_t sequence_ = 1;
  bool renew_ = false;               // answers to an earlier request may still come, or never end
  std::size_t send_room_bytes_ = 0;  // of the wire; 0: not asked yet
  std::vector<char> receive_;
};

}  // namespace podgate::nft
