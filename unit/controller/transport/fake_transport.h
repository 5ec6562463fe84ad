// A transport that answers from a script, and remembers what it was asked.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "controller/transport/transport.h"
#include "unit/controller/base/fake_clock.h"

namespace podgate::controller {

struct Answer {
  int status = 200;  // 0: no head
  std::vector<std::string> pieces;
  HttpError end = HttpError::kNone;
  int retry_after_seconds = 0;
  Clock::Duration lived{};           // how long the exchange took
  Clock::Duration between{};         // how long each piece took
  std::function<void()> before_end;  // called when all pieces were taken
};

class FakeTransport : public HttpTransport {
 public:
  explicit FakeTransport(FakeClock* clock) : clock_(clock) {}

  HttpResult Post(const HttpRequest& request, const std::string& json,
                  HttpConsumer* consumer) override {
    posted.push_back(json);
    return Get(request, consumer);
  }
  // When the script is over, everything is cancelled.
  HttpResult Get(const HttpRequest& request, HttpConsumer* consumer) override {
    HttpResult result;
    if (script.empty()) {
      clock_->stopped = true;
      result.error = HttpError::kCancelled;
      return result;
    }
    targets.push_back(request.target);
    times.push_back(clock_->Now());
    const Answer answer = std::move(script.front());
    script.pop_front();
    result.status = answer.status;
    result.retry_after_seconds = answer.retry_after_seconds;
    if (answer.status != 0) consumer->OnHead(answer.status);
    for (const std::string& piece : answer.pieces) {
      const std::size_t step = split == 0 ? std::max<std::size_t>(piece.size(), 1) : split;
      for (std::size_t at = 0; at < piece.size(); at += step) {
        patiences.push_back(consumer->Patience());
        clock_->Advance(answer.between);
        if (consumer->OnBody(std::string_view(piece).substr(at, step))) continue;
        clock_->Advance(answer.lived);
        result.error = HttpError::kStopped;
        return result;
      }
    }
    if (answer.before_end) answer.before_end();
    clock_->Advance(answer.lived);
    result.error = answer.end;
    if (answer.end != HttpError::kNone) result.message = "broke";
    return result;
  }
  void Cancel() override {}

  std::deque<Answer> script;
  std::size_t split = 0;  // bodies come in pieces of this many bytes; 0: as written
  std::vector<std::string> targets;
  std::vector<std::string> posted;
  std::vector<Clock::Time> times;
  std::vector<std::chrono::milliseconds> patiences;

 private:
  FakeClock* clock_;
};

}  // namespace podgate::controller
