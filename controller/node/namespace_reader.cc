#include "controller/node/namespace_reader.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "nft/kernel/netlink_client.h"

namespace podgate::controller {
namespace {

using nft::Result;
using nft::Status;

// A dump that a change overtook is asked for again: a namespace that changes all the time is
// another one's, and must not hold us.
constexpr int kMostTries = 3;

int OpenEvents() {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return -1;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  // A hint: where it is refused, other namespaces are looked at now and then.
  const int on = 1;
  ::setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on);
  return fd;
}

class KernelReader : public NamespaceReader {
 public:
  KernelReader() : events_(OpenEvents()) {}
  ~KernelReader() override {
    if (events_ >= 0) ::close(events_);
  }
  KernelReader(const KernelReader&) = delete;
  KernelReader& operator=(const KernelReader&) = delete;

  Result<std::vector<NodeLink>> Links() override {
    std::vector<NodeLink> links;
    const Status status = Dump(
        [](QuestionBuffer buffer, std::uint32_t sequence) { return AskLinks(buffer, sequence); },
        [&links] { links.clear(); },
        [&links](const nlmsghdr* message) {
          if (auto link = DecodeNodeLink(message)) links.push_back(*std::move(link));
          return true;
        });
    if (!status.ok()) return status;
    return links;
  }

  Result<HeldAddresses> AddressesIn(int netns) override {
    HeldAddresses held;
    const Status status =
        Dump([netns](QuestionBuffer buffer,
                     std::uint32_t sequence) { return AskAddresses(buffer, sequence, netns); },
             [&held] { held = {}; },
             [&held, netns](const nlmsghdr* message) {
               const auto address = DecodeAddress(message);
               // A kernel that passed over the question would tell the node's own.
               if (!address || address->netns != netns || address->duplicate) return true;
               held.cut_off = held.addresses.size() == kMaxAddresses;
               if (held.cut_off) return false;
               held.addresses.push_back(address->address);
               held.on_links.push_back({address->link, address->address, address->prefix_length});
               return true;
             });
    // Its owner may keep changing it: what was read of it so is told all the same.
    if (!status.ok() && status.code() != Status::Code::kInterrupted) return status;
    return held;
  }

  Result<std::vector<NodeLink>> LinksIn(int netns) override {
    std::vector<NodeLink> links;
    const Status status =
        Dump([netns](QuestionBuffer buffer,
                     std::uint32_t sequence) { return AskLinks(buffer, sequence, netns); },
             [&links] { links.clear(); },
             [&links, netns](const nlmsghdr* message) {
               auto link = DecodeNodeLink(message);
               // A kernel that passed over the question would tell the node's own.
               if (link && link->netns == netns) links.push_back(*std::move(link));
               return links.size() < kMaxLinks;
             });
    if (!status.ok() && status.code() != Status::Code::kInterrupted) return status;
    return links;
  }

  Way WayTo(const ipset::Address& address) override {
    const auto client = Client();
    if (!client.ok()) return {};
    std::array<char, kQuestionBytes> buffer;
    const nlmsghdr* question =
        AskRoute(QuestionBuffer(buffer), client.value()->next_sequence(), address, true);
    std::optional<Route> route;
    const Status status = client.value()->Ask(question, [&route](const nlmsghdr* message) {
      if (auto decoded = DecodeRoute(message)) route = std::move(decoded);
      return true;
    });
    if (!status.ok()) {
      // Of a question about a route, which needs no right, these are the answers that there is none
      // (ENETUNREACH), or one that rejects: EHOSTUNREACH, EINVAL (blackhole), EACCES (prohibit).
      const Status::Code code = status.code();
      const bool none = code == Status::Code::kOther || code == Status::Code::kInvalid ||
                        code == Status::Code::kPermission;
      return {none ? Way::Kind::kNowhere : Way::Kind::kUnknown};
    }
    if (!route) return {};
    switch (route->kind) {
      case Route::Kind::kNone:
        return {Way::Kind::kNowhere};
      case Route::Kind::kLocal:
        return {Way::Kind::kNode};
      case Route::Kind::kDevice:
        break;
    }
    return {Way::Kind::kDevice, route->device, route->gateway, route->prefix_length};
  }

  int event_descriptor() const override { return events_; }
  void DiscardEvents() override {
    std::array<char, 4096> buffer;
    // What does not fit is cut off, and what was lost is an error that ends with being told.
    while (::recv(events_, buffer.data(), buffer.size(), 0) >= 0 || errno == EINTR ||
           errno == ENOBUFS) {
    }
  }

 private:
  // `begin` before each try.
  template <typename Question, typename Begin, typename More>
  Status Dump(const Question& question, const Begin& begin, const More& more) {
    Status status;
    for (int tries = 0; tries < kMostTries; ++tries) {
      const auto client = Client();
      if (!client.ok()) return client.status();
      begin();
      std::array<char, kQuestionBytes> buffer;
      status = client.value()->AskUntil(
          question(QuestionBuffer(buffer), client.value()->next_sequence()), more);
      if (status.code() != Status::Code::kInterrupted) break;
    }
    return status;
  }

  // The client, opened by the first question.
  Result<nft::NetlinkClient*> Client() {
    if (!client_) {
      auto opened = nft::NetlinkClient::Open(NETLINK_ROUTE);
      if (!opened.ok()) return opened.status();
      client_ = std::move(opened).value();
    }
    return client_.get();
  }

  const int events_;
  std::unique_ptr<nft::NetlinkClient> client_;
};

}  // namespace

std::unique_ptr<NamespaceReader> OpenNamespaceReader() { return std::make_unique<KernelReader>(); }

}  // namespace podgate::controller
