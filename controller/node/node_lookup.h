// Asks the API server for this node's Node and the kernel for this machine's addresses, again and
// again: soon while the answer stops the agent or did not come, else every few minutes. A thread of
// its own asks; what it found goes to any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "controller/base/clock.h"
#include "controller/node/node_object.h"
#include "controller/transport/transport.h"
#include "controller/watch/request_limiter.h"

namespace podgate::controller {

class NodeLookup {
 public:
  // A changed address is noticed after so long at most; a thousand nodes ask twice a second.
  static constexpr std::chrono::minutes kEvery{10};
  // While something is wrong: doubled each time, up to the limit.
  static constexpr std::chrono::seconds kFirstPause{1};
  static constexpr std::chrono::seconds kLongestPause{60};

  // This machine's addresses, sorted. An error: nothing is known of them.
  using MachineAddresses = std::function<nft::Result<nft::Addresses>()>;

  // `found`: called from the lookup's thread after each answer.
  NodeLookup(std::string node, HttpTransport* transport, RequestLimiter* limiter, Clock* clock,
             MachineAddresses addresses, std::function<void()> found);

  // The lookup's thread: until Stop(), which may be called from any thread.
  void Run();
  void Stop();

  // One question and its answer. For Run() and for tests.
  void Look();
  // When the next one is due.
  Clock::Time NextLook() const;

  struct Report {
    std::uint64_t answers = 0;  // so far; 0: nothing is known yet
    NodeObject object{};
    nft::Addresses machine{};
  };
  Report report() const;
  std::uint64_t answers() const;

  // Whether the last answer stops the agent, so that a better one is wanted soon. Any thread.
  void SetUrgent(bool urgent);

 private:
  bool WaitUntilDue();
  NodeObject Ask(bool* failed);
  Clock::Time Due() const { return last_ + (failed_ || urgent_ ? pause_ : interval_); }

  const std::string node_;
  HttpTransport* const transport_;
  RequestLimiter* const limiter_;
  Clock* const clock_;
  const MachineAddresses addresses_;
  const std::function<void()> found_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool stopped_ = false;
  bool failed_ = false;  // the server did not answer the last question
  bool urgent_ = false;
  Clock::Time last_;                     // look
  Clock::Duration pause_ = kFirstPause;  // after it, while something is wrong
  Clock::Duration interval_ = kEvery;    // after it, while nothing is
  Report report_;
};

}  // namespace podgate::controller
