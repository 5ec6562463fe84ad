// The one way from the reflectors to the loop: a bounded queue. What waits while the loop commits
// is taken as a whole afterwards, so many events become one commit. Put() from any thread, Take()
// from the loop's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "controller/watch/message.h"

namespace podgate::controller {

class MessageQueue : public MessageSink {
 public:
  // A message is about a kilobyte; one alone may be larger than the second limit.
  static constexpr std::size_t kLimit = 512;
  static constexpr std::size_t kLimitBytes = 8u << 20;

  bool Put(Message message) override;
  // All messages that wait, in order; waits for the first one up to `limit`. Empty: none came,
  // woken, or closed.
  std::vector<Message> Take(std::chrono::milliseconds limit);
  // Makes the reader return at once, now or the next time, also without a message: somebody has
  // something else for the loop. Any thread; never waits.
  void Wake();
  // No more messages: writers and the reader stop waiting.
  void Close();
  bool closed() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable drained_;
  std::vector<Message> messages_;
  std::size_t bytes_ = 0;
  bool woken_ = false;
  bool closed_ = false;
};

}  // namespace podgate::controller
