#include "controller/agent/queue.h"

#include <utility>

namespace podgate::controller {

bool MessageQueue::Put(Message message) {
  std::unique_lock<std::mutex> lock(mutex_);
  drained_.wait(lock,
                [this] { return closed_ || (messages_.size() < kLimit && bytes_ < kLimitBytes); });
  if (closed_) return false;
  bytes_ += message.bytes;
  messages_.push_back(std::move(message));
  if (messages_.size() == 1) filled_.notify_one();
  return true;
}

std::vector<Message> MessageQueue::Take(std::chrono::milliseconds limit) {
  std::unique_lock<std::mutex> lock(mutex_);
  filled_.wait_for(lock, limit, [this] { return closed_ || woken_ || !messages_.empty(); });
  woken_ = false;
  if (closed_) return {};
  std::vector<Message> taken;
  taken.swap(messages_);
  bytes_ = 0;
  drained_.notify_all();
  return taken;
}

void MessageQueue::Wake() {
  const std::lock_guard<std::mutex> lock(mutex_);
  woken_ = true;
  filled_.notify_all();
}

void MessageQueue::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  filled_.notify_all();
  drained_.notify_all();
}

bool MessageQueue::closed() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return closed_;
}

}  // namespace podgate::controller
