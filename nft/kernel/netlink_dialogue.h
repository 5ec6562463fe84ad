// One netlink socket for questions and answers, of any protocol: requests go out in one send, their
// answers and errors are read to the end. Internal to the agent's I/O. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nft/base/status.h"

struct mnl_socket;
struct nlmsghdr;

namespace podgate::nft {

// "WHAT: REASON", with the code that goes with the errno value.
Status SystemStatus(const std::string& what, int error);

class NetlinkDialogue {
 public:
  // The kernel fills at most 32 KiB for one read of a dump.
  static constexpr std::size_t kDumpBytes = 64 * 1024;
  // Room for one object, a link with all its properties for example.
  static constexpr std::size_t kObjectBytes = 16 * 1024;

  // `bus`: NETLINK_NETFILTER, NETLINK_ROUTE. `answer_bytes`: room for the longest datagram.
  static Result<std::unique_ptr<NetlinkDialogue>> Open(int bus,
                                                       std::size_t answer_bytes = kDumpBytes);
  ~NetlinkDialogue();
  NetlinkDialogue(const NetlinkDialogue&) = delete;
  NetlinkDialogue& operator=(const NetlinkDialogue&) = delete;

  // One request, until the message that ends its answers. The kernel makes the answers of a dump as
  // they are read. False from `answer` ends the reading; the dialogue is over then.
  using Answer = std::function<bool(const nlmsghdr*)>;
  Status Ask(const void* request, std::size_t size, const Answer& answer);

  // Many requests without acknowledgement: those that the kernel refused, by sequence number, with
  // their errno values. The kernel has dealt with all of them when the send returns.
  Result<std::map<std::uint32_t, int>> Tell(const void* requests, std::size_t size);

 private:
  NetlinkDialogue(mnl_socket* socket, std::size_t answer_bytes);
  int fd() const;
  Status Send(const void* bytes, std::size_t size);

  mnl_socket* socket_;
  std::vector<char> receive_;
};

}  // namespace podgate::nft
