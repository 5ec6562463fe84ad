#include "controller/watch/request_limiter.h"

#include <algorithm>

namespace podgate::controller {

bool RequestLimiter::AwaitTurn() {
  Clock::Duration pause{};
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const Clock::Time now = clock_->Now();
    Clock::Time turn = now;
    if (granted_.size() == kRequestsPerWindow) {
      turn = std::max(now, granted_.front() + kWindow);
      granted_.pop_front();
    }
    granted_.push_back(turn);
    pause = turn - now;
  }
  return clock_->Sleep(pause);
}

bool RequestLimiter::TakeIdleTurn() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Clock::Time now = clock_->Now();
  const auto recent = std::count_if(granted_.begin(), granted_.end(),
                                    [now](Clock::Time turn) { return turn + kWindow > now; });
  if (static_cast<std::size_t>(recent) > kIdleRequests) return false;
  if (granted_.size() == kRequestsPerWindow) granted_.pop_front();
  granted_.push_back(now);
  return true;
}

RequestLimiter::ListSlot RequestLimiter::AwaitList() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || !listing_; });
  if (stopped_) return {};
  listing_ = true;
  return ListSlot(this);
}

RequestLimiter::ListSlot& RequestLimiter::ListSlot::operator=(ListSlot&& other) noexcept {
  if (this != &other) {
    Release();
    limiter_ = other.limiter_;
    other.limiter_ = nullptr;
  }
  return *this;
}

void RequestLimiter::ListSlot::Release() {
  if (limiter_ == nullptr) return;
  const std::lock_guard<std::mutex> lock(limiter_->mutex_);
  limiter_->listing_ = false;
  limiter_->changed_.notify_one();
  limiter_ = nullptr;
}

void RequestLimiter::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace podgate::controller
