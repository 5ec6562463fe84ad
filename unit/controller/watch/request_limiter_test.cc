#include "controller/watch/request_limiter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "controller/watch/backoff.h"
#include "unit/controller/base/fake_clock.h"

namespace podgate::controller {
namespace {

TEST(RequestLimiter, NeverFiveWithinASecond) {
  FakeClock clock;
  RequestLimiter limiter(&clock);
  std::vector<Clock::Time> turns;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(limiter.AwaitTurn());
    turns.push_back(clock.Now());
    if (i % 7 == 0) clock.Advance(std::chrono::milliseconds(i));
  }
  for (std::size_t i = 4; i < turns.size(); ++i) {
    EXPECT_GT(turns[i] - turns[i - 4], std::chrono::seconds(1)) << i;
  }
  clock.stopped = true;
  EXPECT_FALSE(limiter.AwaitTurn());
}

// Time stands still: who is to wait, waits until the end.
class StandingClock : public Clock {
 public:
  Time Now() override { return Time(std::chrono::hours(1)); }
  bool Sleep(Duration duration) override {
    std::unique_lock<std::mutex> lock(mutex_);
    if (duration > Duration(0)) {
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return stopped_; });
    }
    return !stopped_;
  }
  double Random() override { return 0; }
  void AwaitWaiting(int threads) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ == threads; });
  }
  void Stop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool stopped_ = false;
};

TEST(RequestLimiter, ThreadsShareTheTurns) {
  constexpr int kThreads = 8;
  StandingClock clock;
  RequestLimiter limiter(&clock);
  std::atomic<int> turns = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      while (limiter.AwaitTurn()) ++turns;
    });
  }
  clock.AwaitWaiting(kThreads);
  EXPECT_EQ(turns, 4);
  clock.Stop();
}

TEST(RequestLimiter, OneListAtATime) {
  SystemClock clock;
  RequestLimiter limiter(&clock);
  for (int round = 0; round < 200; ++round) {
    RequestLimiter::ListSlot first = limiter.AwaitList();
    ASSERT_TRUE(first);
    std::atomic<bool> released = false;
    std::jthread second([&] {
      const RequestLimiter::ListSlot slot = limiter.AwaitList();
      EXPECT_TRUE(slot);
      EXPECT_TRUE(released);
    });
    RequestLimiter::ListSlot moved = std::move(first);
    // NOLINTNEXTLINE(bugprone-use-after-move): it holds nothing any more, which is the point
    first.Release();
    std::this_thread::yield();
    released = true;
    moved.Release();
  }
}

TEST(RequestLimiter, StopEndsTheWaitForTheList) {
  SystemClock clock;
  RequestLimiter limiter(&clock);
  const RequestLimiter::ListSlot held = limiter.AwaitList();
  std::jthread waiting([&] { EXPECT_FALSE(limiter.AwaitList()); });  // before or after Stop()
  limiter.Stop();
}

TEST(Backoff, GrowsToItsLimitWithJitter) {
  FakeClock clock;
  Backoff backoff(&clock, Backoff::kWatchLimit);
  for (const int expected : {100, 200, 400, 800, 1600, 3200, 4000, 4000})
    EXPECT_EQ(backoff.Next().count(), expected);
  clock.random = 0.75;
  EXPECT_EQ(backoff.Next().count(), 2500);
  backoff.Reset();
  clock.random = 0.5;
  EXPECT_EQ(backoff.Next().count(), 75);
  clock.random = 0;
  Backoff lists(&clock, Backoff::kListLimit);
  for (int i = 0; i < 9; ++i) lists.Next();
  EXPECT_EQ(lists.Next().count(), 30'000);
}

}  // namespace
}  // namespace podgate::controller
