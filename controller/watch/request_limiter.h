// What all reflectors share towards the API server: never five requests within a second, whatever
// comes back, never more than one list in flight (a list is what costs memory, on both sides), and
// what one of them found out about the server. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "controller/base/clock.h"

namespace podgate::controller {

class RequestLimiter {
 public:
  explicit RequestLimiter(Clock* clock) : clock_(clock) {}

  // Waits until another request may be sent. False: the program is to stop.
  bool AwaitTurn();
  // Whether something that can wait may be sent now: only when that delays nobody, because hardly
  // anything else was sent of late.
  bool TakeIdleTurn();

  // The one list that may be in flight. Empty when the program is to stop.
  class ListSlot {
   public:
    ListSlot() = default;
    explicit ListSlot(RequestLimiter* limiter) : limiter_(limiter) {}
    ListSlot(ListSlot&& other) noexcept : limiter_(other.limiter_) { other.limiter_ = nullptr; }
    ListSlot& operator=(ListSlot&& other) noexcept;
    ~ListSlot() { Release(); }
    void Release();
    explicit operator bool() const { return limiter_ != nullptr; }

   private:
    RequestLimiter* limiter_ = nullptr;
  };
  ListSlot AwaitList();

  // False: the server has shown that it does not know streaming lists. It may take a quarter of a
  // minute of silence to see that, which no second reflector should wait for.
  bool lists_stream() const { return lists_stream_; }
  void NoStreamingLists() { lists_stream_ = false; }

  // Wakes those who wait for the list slot.
  void Stop();

 private:
  static constexpr std::size_t kRequestsPerWindow = 4;
  static constexpr std::size_t kIdleRequests = 1;  // in a window, that are as good as none
  // A little over a second, so that clocks which disagree by some milliseconds still see fewer than
  // five.
  static constexpr std::chrono::milliseconds kWindow{1050};

  Clock* clock_;
  std::atomic<bool> lists_stream_ = true;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Clock::Time>
      granted_;  // the last kRequestsPerWindow turns, some perhaps still to come
  bool listing_ = false;
  bool stopped_ = false;
};

}  // namespace podgate::controller
