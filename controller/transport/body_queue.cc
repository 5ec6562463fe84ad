#include "controller/transport/body_queue.h"

namespace podgate::controller {

void BodyQueue::Head(int status, int retry_after_seconds) {
  const std::lock_guard<std::mutex> lock(mutex_);
  result_.status = status;
  result_.retry_after_seconds = retry_after_seconds;
  changed_.notify_all();
}

bool BodyQueue::Put(std::string_view bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (dropping_ || cancelled_) return true;
  bytes_.append(bytes);
  changed_.notify_all();
  held_back_ = bytes_.size() > kLimitBytes;
  return !held_back_;
}

void BodyQueue::End(HttpResult result) {
  const std::lock_guard<std::mutex> lock(mutex_);
  result.status = result_.status;
  result.retry_after_seconds = result_.retry_after_seconds;
  result_ = std::move(result);
  ended_ = true;
  changed_.notify_all();
}

void BodyQueue::Cancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

BodyQueue::Event BodyQueue::Wait(std::chrono::steady_clock::time_point until, std::string* bytes) {
  bool resume = false;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    // A body's first bytes may come before the head is announced.
    const auto head_ready = [this] { return !head_told_ && result_.status != 0; };
    const auto body_ready = [this] { return !bytes_.empty() && result_.status != 0; };
    changed_.wait_until(lock, until,
                        [&] { return cancelled_ || head_ready() || body_ready() || ended_; });
    if (cancelled_) return Event::kCancelled;
    if (head_ready()) {
      head_told_ = true;
      return Event::kHead;
    }
    if (!body_ready()) return ended_ ? Event::kEnd : Event::kTimeout;
    bytes->clear();
    bytes->swap(bytes_);
    resume = std::exchange(held_back_, false);
  }
  if (resume) resume_();
  return Event::kBody;
}

bool BodyQueue::WaitEnd(std::chrono::milliseconds limit) {
  bool resume = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    dropping_ = true;
    resume = std::exchange(held_back_, false);
  }
  if (resume) resume_();
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return ended_; });
}

int BodyQueue::status() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return result_.status;
}

HttpResult BodyQueue::result() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return result_;
}

}  // namespace podgate::controller
