// Which parts of this node's kernel are missing (nft/kernel/kernel_parts.h), what that means, and
// who hears of it: each is one sentence, in the log, on /readyz?verbose and in an Event. Looks at
// the start, and again while something is missing, since a module may be loaded at any time.
//
// One thread, that of the kernel's seam.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/watch/cluster_event.h"
#include "nft/kernel/kernel_parts.h"

namespace podgate::controller {

class KernelParts {
 public:
  // A look asks the kernel to load modules, which starts a process for each.
  static constexpr std::chrono::seconds kLookAgain{30};

  // Whether the kernel answers questions about its conntrack entries; an error says why not.
  using AskConntrack = std::function<nft::Status()>;

  // `reject`: --deny=reject. `ask_conntrack`: empty when established flows are left alone.
  // `events`: nullptr when the cluster is not told.
  KernelParts(nft::Kernel* kernel, bool reject, AskConntrack ask_conntrack, Clock* clock,
              Logger* log, EventSink* events)
      : kernel_(kernel),
        reject_(reject),
        ask_conntrack_(std::move(ask_conntrack)),
        clock_(clock),
        log_(log),
        events_(events) {}

  // Looks if a look is due. `failures`: how many changes the kernel has refused so far, one of
  // which may have been for want of a part that was there.
  void Look(std::uint64_t failures);

  // The kernel takes rules that log.
  bool can_log() const { return can_log_; }
  // Sentences about what is missing. What rules need first: without those nothing is enforced.
  const std::vector<std::string>& needed() const { return needed_; }
  const std::vector<std::string>& optional() const { return optional_; }

 private:
  void Tell() const;

  nft::Kernel* const kernel_;
  const bool reject_;
  const AskConntrack ask_conntrack_;
  Clock* const clock_;
  Logger* const log_;
  EventSink* const events_;

  bool looked_ = false;
  Clock::Time next_look_;
  std::uint64_t failures_ = 0;  // at the last look
  bool can_log_ = true;
  std::vector<std::string> needed_;
  std::vector<std::string> optional_;
};

}  // namespace podgate::controller
