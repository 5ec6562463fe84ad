#include "controller/node/ipvs_watch.h"

#include <net/if.h>

#include <array>
#include <fstream>
#include <utility>

namespace podgate::controller {
namespace {

// The header lines and the first service fit; a node may have thousands of services.
constexpr std::size_t kHeadBytes = 4096;

}  // namespace

// Three header lines; then each service begins a line with its protocol, or FWM for a firewall
// mark.
bool ListsIpvsService(const std::string& head) {
  for (const char* word : {"\nTCP ", "\nUDP ", "\nSCTP ", "\nFWM "}) {
    if (head.find(word) != std::string::npos) return true;
  }
  return false;
}

bool IpvsInUse() {
  if (if_nametoindex("kube-ipvs0") != 0) return true;
  // Not /proc/net, which is the main thread's.
  std::ifstream file("/proc/thread-self/net/ip_vs", std::ios::binary);
  std::array<char, kHeadBytes> head{};
  file.read(head.data(), head.size());
  return ListsIpvsService(std::string(head.data(), static_cast<std::size_t>(file.gcount())));
}

bool IpvsWatch::InUse() {
  const Clock::Time now = clock_->Now();
  if (now < next_look_) return found_;
  next_look_ = now + kLookEvery;
  const bool found = in_use_();
  if (std::exchange(found_, found) != found)
    log_->Info(found ? LogMessages::kIpvsFound : LogMessages::kIpvsGone);
  return found_;
}

}  // namespace podgate::controller
