#include "controller/node/node_links.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "controller/node/route_codec.h"
#include "nft/kernel/netlink_dialogue.h"

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
  Descriptor(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC)) {}
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
    std::array<char, kQuestionBytes> buffer;
    std::optional<Link> link;
    const Status status =
        Put(AskLink(QuestionBuffer(buffer), ++sequence_, index), [&link](const nlmsghdr* message) {
          if (auto decoded = DecodeLink(message)) link = std::move(decoded);
          return true;
        });
    if (!status.ok()) return status;
    if (!link) return Status(Status::Code::kOther, "the kernel said nothing about a link");
    return *std::move(link);
  }

  BridgeFilter Filter(Family family) override {
    const Descriptor file(PathOf(family), O_RDONLY);
    if (file.get() < 0) {
      if (errno == ENOENT) return {BridgeFilter::State::kMissing, {}};
      return {BridgeFilter::State::kUnreadable, std::strerror(errno)};
    }
    char digit = 0;
    if (::read(file.get(), &digit, 1) != 1)
      return {BridgeFilter::State::kUnreadable, std::strerror(errno)};
    return {digit == '0' ? BridgeFilter::State::kOff : BridgeFilter::State::kOn, {}};
  }

  Status TurnFilterOn(Family family) override {
    const Descriptor file(PathOf(family), O_WRONLY);
    if (file.get() >= 0 && ::write(file.get(), "1\n", 2) == 2) return {};
    return {Status::Code::kOther, std::strerror(errno)};
  }

 private:
  Route Ask(const ipset::Address& address, bool whole) {
    std::array<char, kQuestionBytes> buffer;
    Route route;
    route.problem = "no route";
    const Status status = Put(AskRoute(QuestionBuffer(buffer), ++sequence_, address, whole),
                              [&route](const nlmsghdr* message) {
                                if (auto decoded = DecodeRoute(message)) route = *decoded;
                                return true;
                              });
    if (!status.ok()) route = {Route::Kind::kNone, 0, false, 0, status.message()};
    return route;
  }

  Status Put(const nlmsghdr* question, const nft::NetlinkDialogue::Answer& answer) {
    if (!dialogue_) {
      auto opened = nft::NetlinkDialogue::Open(NETLINK_ROUTE, nft::NetlinkDialogue::kObjectBytes);
      if (!opened.ok()) return opened.status();
      dialogue_ = std::move(opened).value();
    }
    const Status status = dialogue_->Ask(question, question->nlmsg_len, answer);
    if (!status.ok()) dialogue_.reset();  // a refusal, mostly; it may be the socket as well
    return status;
  }

  std::unique_ptr<nft::NetlinkDialogue> dialogue_;
  std::uint32_t sequence_ = 0;
};

}  // namespace

const char* BridgeSysctl(Family family) {
  return family == Family::kIPv4 ? "net.bridge.bridge-nf-call-iptables"
                                 : "net.bridge.bridge-nf-call-ip6tables";
}

std::unique_ptr<NodeLinks> OpenNodeLinks() { return std::make_unique<KernelLinks>(); }

}  // namespace podgate::controller
