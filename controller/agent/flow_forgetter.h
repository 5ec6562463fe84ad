// Deletes what conntrack knows of addresses that changed hands, so that no flow of the former owner
// is taken for one of the next: established flows are never judged, whichever direction isolates
// the next owner.
//
// A thread of its own; the loop asks and goes on, unless the next owner is there already: then it
// waits, for a bounded time. Of a few IPv4 addresses the kernel picks the flows out; of more, or of
// IPv6 addresses, for which it cannot, one walk finds all. After either it rests, so that in the
// long run it uses a tenth of a CPU, or of what the process may use of one: addresses that change
// hands meanwhile are looked for together.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/cpu_time.h"
#include "controller/base/log.h"
#include "nft/conntrack/conntrack.h"

namespace podgate::controller {

class FlowForgetter {
 public:
  // Entries that are deleted in one go.
  static constexpr std::size_t kSlice = 256;

  // Each costs two walks in the kernel (nft::FlowScope::kMostEnds says what these cost): more
  // addresses than this would cost as much as handing all entries out.
  static constexpr std::size_t kMostPicked = 4;

  // Addresses that wait while conntrack cannot be asked; of more than that the flows stay. Four for
  // each pod that the agent follows (AddressHandover::kMaxPods).
  static constexpr std::size_t kMostWaiting = 65'536;

  // The longest that the loop waits for one update. It takes a walk over 100,000 entries.
  static constexpr std::chrono::milliseconds kMostPatience{50};
  // A wait is followed by nine times as long without one; but so much of that may be put off: pods
  // come in dozens when a deployment is rolled out, and then wait for a second together.
  static constexpr std::chrono::seconds kOnCredit{9};

  // `conntrack` is this object's alone. `cpus`: that the process may use. `cpu_time`: what the
  // calling thread has used of a CPU so far.
  FlowForgetter(nft::Conntrack* conntrack, Logger* log, double cpus = 1,
                std::function<Clock::Duration()> cpu_time = ThreadCpuTime);

  // Any thread; never waits.
  void Forget(const std::vector<ipset::Address>& addresses);

  // Any thread but the forgetter's: until nothing of the former owners of these is left, at most
  // kMostPatience, and in the long run a tenth of the time, so that pods that take addresses from
  // each other all the time do not keep the agent from its work. False: some may be left, and what
  // the next owners begin before it is found is deleted with it.
  bool Await(const std::vector<ipset::Address>& addresses);

  // The forgetter's thread: until Stop(), which may be called from any thread.
  void Run();
  void Stop();

  // How many entries were deleted so far. Any thread.
  std::uint64_t forgotten() const;

 private:
  using Addresses = std::set<ipset::Address>;

  bool Pending(const std::vector<ipset::Address>& addresses) const;
  nft::Status WalkOver(const Addresses& addresses, const nft::Conntrack::Tell& tell);
  nft::Status ForgetThose(const Addresses& addresses, std::uint64_t* deleted);

  nft::Conntrack* const conntrack_;
  Logger* const log_;
  const double share_;  // of a CPU
  const std::function<Clock::Duration()> cpu_time_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  Addresses waiting_;
  Addresses under_way_;
  bool hurry_ = false;  // somebody waits for those that wait
  Clock::Time rest_until_{};
  std::uint64_t forgotten_ = 0;
  bool stopped_ = false;
};

}  // namespace podgate::controller
