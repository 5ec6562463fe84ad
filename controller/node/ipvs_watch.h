// Whether IPVS forwards connections on this node, as kube-proxy lets it in its mode "ipvs": such
// packets are delivered to this machine first and leave through the output hook, past the forward
// hook. Found out without privileges.
//
// One thread.
#pragma once

#include <functional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/log.h"

namespace podgate::controller {

// In the network namespace of the calling thread: there is a link kube-ipvs0, which kube-proxy puts
// the Services' addresses on, or the kernel lists an IPVS service.
bool IpvsInUse();

// Whether a file with the form of /proc/net/ip_vs lists a service. `head`: its beginning.
bool ListsIpvsService(const std::string& head);

class IpvsWatch {
 public:
  static constexpr std::chrono::seconds kLookEvery{1};

  // `in_use`: IpvsInUse, or a test's own.
  IpvsWatch(std::function<bool()> in_use, Clock* clock, Logger* log)
      : in_use_(std::move(in_use)), clock_(clock), log_(log) {}

  // Looks if a look is due. As of the last look.
  bool InUse();

 private:
  const std::function<bool()> in_use_;
  Clock* const clock_;
  Logger* const log_;
  Clock::Time next_look_;
  bool found_ = false;
};

}  // namespace podgate::controller
