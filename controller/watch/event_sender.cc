#include "controller/watch/event_sender.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>

#include "compiler/decode/decode.h"

namespace podgate::controller {
namespace {

constexpr std::chrono::seconds kLimit{5};
// And up to ten times that, so that the agents of many nodes which have the same to say do not say
// it together.
constexpr std::chrono::milliseconds kBetween{500};
constexpr std::size_t kMaxAnswerBytes = 16 * 1024;

class Answer : public HttpConsumer {
 public:
  void OnHead(int) override {}
  bool OnBody(std::string_view bytes) override {
    text_.append(bytes.substr(0, kMaxAnswerBytes - text_.size()));
    return text_.size() < kMaxAnswerBytes;
  }
  std::chrono::milliseconds Patience() override { return kLimit; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

void EventSender::Tell(ClusterEvent event) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!stopped_ && queue_.Put(std::move(event), clock_->Now())) changed_.notify_all();
}

void EventSender::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void EventSender::Run() {
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
      if (stopped_) return;
    }
    const double pause = 1 + 9 * clock_->Random();
    if (!clock_->Sleep(std::chrono::duration_cast<Clock::Duration>(kBetween * pause))) return;
    if (limiter_->TakeIdleTurn()) SendNext();
  }
}

void EventSender::SendNext() {
  std::optional<ClusterEvent> event;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    event = queue_.Take();
  }
  if (event && clock_->Now() >= refused_until_) Send(*event);
}

void EventSender::Send(const ClusterEvent& event) {
  Answer answer;
  const HttpResult result =
      transport_->Post({EventTarget(event, source_), kLimit},
                       EventJson(event, source_, std::chrono::system_clock::now()), &answer);
  if (result.status == 201 || result.error == HttpError::kCancelled) return;
  std::string reason =
      result.status != 0 ? fmt::format("status {}", result.status) : result.message;
  if (const auto status = compiler::DecodeStatus(answer.text()); status)
    reason += ": " + status->message.substr(0, 300);
  if (result.status == 403 && !RefusedByEndingNamespace(answer.text())) {
    refused_until_ = clock_->Now() + kGiveUp;
    log_->Warn(LogMessages::kEventsRefused,
               {{"reason", reason},
                {"pause_s", std::chrono::seconds(kGiveUp).count()},
                {"do", "allow the ClusterRole to create events in events.k8s.io"}});
    return;
  }
  log_->Debug(LogMessages::kEventDropped, {{"reason", reason}, {"event", event.reason}});
}

}  // namespace podgate::controller
