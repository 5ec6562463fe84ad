// One netlink socket for questions and answers, of any protocol: requests go out in one send, their
// answers and errors are read to the end. Internal to the agent's I/O. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nft/status.h"

struct mnl_socket;
struct nlmsghdr;

namespace podgate::controller {

// "WHAT: REASON", with the code that goes with the errno value.
nft::Status SystemStatus(const std::string& what, int error);

class NetlinkDialogue {
 public:
  // `bus`: NETLINK_NETFILTER, NETLINK_ROUTE.
  static nft::Result<std::unique_ptr<NetlinkDialogue>> Open(int bus);
  ~NetlinkDialogue();
  NetlinkDialogue(const NetlinkDialogue&) = delete;
  NetlinkDialogue& operator=(const NetlinkDialogue&) = delete;

  // One request, until the message that ends its answers. The kernel makes the answers of a dump as
  // they are read. False from `answer` ends the reading; the dialogue is over then.
  using Answer = std::function<bool(const nlmsghdr*)>;
  nft::Status Ask(const void* request, std::size_t size, const Answer& answer);

  // Many requests without acknowledgement: those that the kernel refused, by sequence number, with
  // their errno values. The kernel has dealt with all of them when the send returns.
  nft::Result<std::map<std::uint32_t, int>> Tell(const void* requests, std::size_t size);

 private:
  explicit NetlinkDialogue(mnl_socket* socket);
  int fd() const;
  nft::Status Send(const void* bytes, std::size_t size);

  mnl_socket* socket_;
  std::vector<char> receive_;
};

}  // namespace podgate::controller
