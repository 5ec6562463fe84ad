// The netfilter netlink socket: batches out, errors and dumps in. Internal to nft/; one thread at a
// time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "nft/batch.h"
#include "nft/status.h"

struct mnl_socket;
struct nlmsghdr;

namespace podgate::nft {

class NetlinkSocket {
 public:
  static Result<std::unique_ptr<NetlinkSocket>> Open();
  ~NetlinkSocket();
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  // The next sequence number that no message of this socket has had.
  std::uint32_t NextSequence() const { return sequence_; }

  // Sends a finished batch in one piece. When the send returns, the kernel has carried the batch
  // out or thrown it away, and all its errors wait in the socket; they are returned in the kernel's
  // order, none when the batch was committed.
  Result<std::vector<BatchError>> Send(const Batch& batch);

  // One request, all its answers. `fill` adds attributes to the request, `answer` gets each
  // message. The answers are always read to the end. kInterrupted: a commit overtook the dump,
  // start over.
  using Fill = std::function<void(nlmsghdr*)>;
  using Answer = std::function<void(const nlmsghdr*)>;
  Status Dump(std::uint16_t type, const Fill& fill, const Answer& answer);
  Status Get(std::uint16_t type, const Fill& fill, const Answer& answer);

  Result<std::uint32_t> Generation();

 private:
  explicit NetlinkSocket(mnl_socket* socket);
  int fd() const;
  Status Request(std::uint16_t type, std::uint16_t flags, const Fill& fill, const Answer& answer);
  Status ReadAnswers(std::uint32_t sequence, const Answer& answer);

  mnl_socket* socket_;
  std::uint32_t sequence_ = 1;
  std::size_t send_buffer_bytes_ = 0;  // what the send buffer was last forced to
  std::vector<char> receive_;
};

}  // namespace podgate::nft
