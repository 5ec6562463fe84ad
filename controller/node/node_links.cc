#include "controller/node/node_links.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "controller/node/route_codec.h"
#include "nft/kernel/netlink_client.h"

namespace podgate::controller {
namespace {

using ipset::Family;
using nft::Result;
using nft::Status;

std::string PathOf(Family family) {
  return std::string("/proc/sys/net/bridge/bridge-nf-call-") +
         (family == Family::kIPv4 ? "iptables" : "ip6tables");
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class KernelLinks : public NodeLinks {
 public:
  Route RouteTo(const ipset::Address& address) override {
    Route route = Ask(address, true);
    if (route.kind != Route::Kind::kDevice || route.device != 0) return route;
    // Of several ways, or of a next-hop object: the one that the kernel would take.
    const int length = route.prefix_length;
    route = Ask(address, false);
    route.prefix_length = length;
    return route;
  }

  Result<Link> LinkOf(int index) override {
    const auto client = Client();
    if (!client.ok()) return client.status();
    std::array<char, kQuestionBytes> buffer;
    const nlmsghdr* question =
        AskLink(QuestionBuffer(buffer), client.value()->next_sequence(), index);
    std::optional<Link> link;
    const Status status = client.value()->Ask(question, [&link](const nlmsghdr* message) {
      if (auto decoded = DecodeLink(message)) link = std::move(decoded);
      return true;
    });
    if (!status.ok()) return status;
    if (!link) return Status(Status::Code::kOther, "the kernel said nothing about a link");
    return *std::move(link);
  }

  BridgeFilter Filter(Family family) override {
    const Descriptor file(PathOf(family));
    if (file.get() < 0) {
      if (errno == ENOENT) return {BridgeFilter::State::kMissing, {}};
      return {BridgeFilter::State::kUnreadable, std::strerror(errno)};
    }
    char digit = 0;
    if (::read(file.get(), &digit, 1) != 1)
      return {BridgeFilter::State::kUnreadable, std::strerror(errno)};
    return {digit == '0' ? BridgeFilter::State::kOff : BridgeFilter::State::kOn, {}};
  }

  Status TurnFilterOn(int bridge, Family family) override {
    const auto client = Client();
    if (!client.ok()) return client.status();
    std::array<char, kQuestionBytes> buffer;
    const nlmsghdr* request =
        TurnOnCalls(QuestionBuffer(buffer), client.value()->next_sequence(), bridge, family);
    const Status set = client.value()->Ask(request, [](const nlmsghdr*) { return true; });
    if (set.code() == Status::Code::kPermission) return {set.code(), "CAP_NET_ADMIN is missing"};
    return set;
  }

 private:
  Route Ask(const ipset::Address& address, bool whole) {
    const auto client = Client();
    if (!client.ok()) return {Route::Kind::kNone, 0, false, 0, client.status().message()};
    std::array<char, kQuestionBytes> buffer;
    const nlmsghdr* question =
        AskRoute(QuestionBuffer(buffer), client.value()->next_sequence(), address, whole);
    Route route;
    route.problem = "no route";
    const Status status = client.value()->Ask(question, [&route](const nlmsghdr* message) {
      if (auto decoded = DecodeRoute(message)) route = *decoded;
      return true;
    });
    if (!status.ok()) route = {Route::Kind::kNone, 0, false, 0, status.message()};
    return route;
  }

  // The client, opened by the first question: whoever asks nothing needs none.
  Result<nft::NetlinkClient*> Client() {
    if (!client_) {
      auto opened = nft::NetlinkClient::Open(NETLINK_ROUTE, nft::NetlinkClient::kObjectBytes);
      if (!opened.ok()) return opened.status();
      client_ = std::move(opened).value();
    }
    return client_.get();
  }

  std::unique_ptr<nft::NetlinkClient> client_;
};

}  // namespace

const char* BridgeSysctl(Family family) {
  return family == Family::kIPv4 ? "net.bridge.bridge-nf-call-iptables"
                                 : "net.bridge.bridge-nf-call-ip6tables";
}

const char* BridgeSwitch(Family family) {
  return family == Family::kIPv4 ? "nf_call_iptables" : "nf_call_ip6tables";
}

std::unique_ptr<NodeLinks> OpenNodeLinks() { return std::make_unique<KernelLinks>(); }

}  // namespace podgate::controller
