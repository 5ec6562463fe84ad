#include "controller/watch/request_limiter.h"

#include <gtest/gtest.h>

#include <atomic>
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

TEST(RequestLimiter, ThreadsShareTheTurns) {
  SystemClock clock;
  RequestLimiter limiter(&clock);
  std::atomic<int> turns = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      while (limiter.AwaitTurn()) ++turns;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  clock.Stop();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(turns, 4);
}

TEST(RequestLimiter, OneListAtATime) {
  SystemClock clock;
  RequestLimiter limiter(&clock);
  RequestLimiter::ListSlot first = limiter.AwaitList();
  ASSERT_TRUE(first);
  std::atomic<bool> second_in = false;
  std::jthread second([&] {
    const RequestLimiter::ListSlot slot = limiter.AwaitList();
    second_in = static_cast<bool>(slot);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(second_in);
  RequestLimiter::ListSlot moved = std::move(first);
  // NOLINTNEXTLINE(bugprone-use-after-move): it holds nothing any more, which is the point
  first.Release();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(second_in);
  moved.Release();
  second.join();
  EXPECT_TRUE(second_in);

  const RequestLimiter::ListSlot held = limiter.AwaitList();
  std::jthread waiting([&] { EXPECT_FALSE(limiter.AwaitList()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  limiter.Stop();
}

TEST(Backoff, GrowsToFourSecondsWithJitter) {
  FakeClock clock;
  Backoff backoff(&clock);
  for (const int expected : {100, 200, 400, 800, 1600, 3200, 4000, 4000})
    EXPECT_EQ(backoff.Next().count(), expected);
  clock.random = 0.75;
  EXPECT_EQ(backoff.Next().count(), 2500);
  backoff.Reset();
  clock.random = 0.5;
  EXPECT_EQ(backoff.Next().count(), 75);
}

}  // namespace
}  // namespace podgate::controller
