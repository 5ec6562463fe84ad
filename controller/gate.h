// What all reflectors share towards the API server: never five requests within a second, whatever
// comes back, and never more than one list in flight (a list is what costs memory, on both sides).
// Any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "controller/clock.h"

namespace podgate::controller {

class RequestGate {
 public:
  explicit RequestGate(Clock* clock) : clock_(clock) {}

  // Waits until another request may be sent. False: the program is to stop.
  bool AwaitTurn();

  // The one list that may be in flight. Empty when the program is to stop.
  class ListSlot {
   public:
    ListSlot() = default;
    explicit ListSlot(RequestGate* gate) : gate_(gate) {}
    ListSlot(ListSlot&& other) noexcept : gate_(other.gate_) { other.gate_ = nullptr; }
    ListSlot& operator=(ListSlot&& other) noexcept;
    ~ListSlot() { Release(); }
    void Release();
    explicit operator bool() const { return gate_ != nullptr; }

   private:
    RequestGate* gate_ = nullptr;
  };
  ListSlot AwaitList();

  // Wakes those who wait for the list slot.
  void Stop();

 private:
  static constexpr std::size_t kRequestsPerWindow = 4;
  // A little over a second, so that clocks which disagree by some milliseconds still see fewer than
  // five.
  static constexpr std::chrono::milliseconds kWindow{1050};

  Clock* clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Clock::Time>
      granted_;  // the last kRequestsPerWindow turns, some perhaps still to come
  bool listing_ = false;
  bool stopped_ = false;
};

}  // namespace podgate::controller
