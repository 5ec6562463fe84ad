// Hands the body of one answer from the network's thread to the thread that asked for it, with a
// bound: when more than kLimitBytes wait, the network's side is told to wait too, which holds the
// server back down to TCP.
//
// The network's thread calls Put*/Head/End, one other thread calls Wait*.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "controller/transport/transport.h"

namespace podgate::controller {

class BodyQueue {
 public:
  static constexpr std::size_t kLimitBytes = 256 * 1024;

  // `resume` is called once there is room again when Put() said that there is none.
  explicit BodyQueue(std::function<void()> resume) : resume_(std::move(resume)) {}

  void Head(int status, int retry_after_seconds);
  // True: go on. False: wait for `resume`.
  bool Put(std::string_view bytes);
  void End(HttpResult result);
  // Ends the waiting, whatever the network does.
  void Cancel();

  enum class Event { kHead, kBody, kEnd, kCancelled, kTimeout };
  // The next event: kHead once, before any body; with kBody all bytes that are there.
  Event Wait(std::chrono::steady_clock::time_point until, std::string* bytes);
  // Waits for End(); false when it did not come in time.
  bool WaitEnd(std::chrono::milliseconds limit);

  int status() const;
  HttpResult result() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()> resume_;
  std::string bytes_;
  bool head_told_ = false;
  bool held_back_ = false;
  bool ended_ = false;
  bool cancelled_ = false;
  bool dropping_ = false;  // nobody reads any more
  HttpResult result_;
};

}  // namespace podgate::controller
