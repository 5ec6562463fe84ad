#include "controller/agent/pass_schedule.h"

#include <gtest/gtest.h>

namespace podgate::controller {
namespace {

using std::chrono::milliseconds;
const Clock::Time kStart{std::chrono::hours(1)};
constexpr Clock::Time kNever = Clock::Time::max();
constexpr PassKind kFlows = PassKind::kFlows;
constexpr PassKind kTombstones = PassKind::kTombstones;

Clock::Time After(int count) { return kStart + milliseconds(count); }

TEST(PassSchedule, NothingToDoWithoutAChange) { EXPECT_EQ(PassSchedule().Next(), kNever); }

TEST(PassSchedule, AtOnceAfterAQuietTimeAndOnceMoreASecondLater) {
  PassSchedule schedule;
  schedule.Need(kFlows, kStart);
  EXPECT_EQ(schedule.Next(), kStart);
  EXPECT_EQ(schedule.Begin(kStart), kFlows);
  EXPECT_EQ(schedule.Next(), kNever);
  schedule.End(kFlows, After(2), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), After(1002));
  EXPECT_EQ(schedule.Begin(After(1002)), kFlows);
  schedule.End(kFlows, After(1010), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), kNever);
  schedule.Need(kFlows, After(5000));
  EXPECT_EQ(schedule.Next(), After(5000));
}

TEST(PassSchedule, RestsNineTimesWhatAPassCost) {
  PassSchedule schedule;
  Clock::Time now = kStart;
  Clock::Duration busy{};
  schedule.Need(kFlows, now);
  while (now < kStart + std::chrono::minutes(1)) {
    now = std::max(now, schedule.Next());
    schedule.Begin(now);
    now += milliseconds(300);  // of which a third was waiting for the loop
    busy += milliseconds(200);
    schedule.Need(kFlows, now - milliseconds(100));  // while the pass was under way
    schedule.End(kFlows, now, milliseconds(200), true);
    EXPECT_EQ(schedule.Next(), now + milliseconds(1800));
  }
  EXPECT_LT(busy, (now - kStart) / 10 + milliseconds(200));
}

TEST(PassSchedule, AChangeDuringAPassNeedsItsOwnConfirmation) {
  PassSchedule schedule;
  schedule.Need(kFlows, kStart);
  schedule.Begin(kStart);
  schedule.End(kFlows, kStart, milliseconds(0), true);
  schedule.Begin(After(1000));  // the confirming pass
  schedule.Need(kFlows, After(1001));
  schedule.End(kFlows, After(1002), milliseconds(0), true);
  EXPECT_EQ(schedule.Next(), After(1002));
  schedule.Begin(After(1002));
  schedule.End(kFlows, After(1003), milliseconds(0), true);
  EXPECT_EQ(schedule.Next(), After(2003));
}

TEST(PassSchedule, TombstonesDoNotWaitForTheRestOfThePassesOverAllFlows) {
  PassSchedule schedule;
  schedule.Need(kFlows, kStart);
  schedule.Begin(kStart);
  schedule.Need(kFlows, After(1));
  schedule.Need(kTombstones, After(1));
  schedule.End(kFlows, After(100), milliseconds(100), true);
  EXPECT_LE(schedule.Next(), After(100));
  EXPECT_EQ(schedule.Begin(After(100)), kTombstones);
  schedule.End(kTombstones, After(101), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), After(1000));
  schedule.Need(kTombstones, After(102));
  EXPECT_EQ(schedule.Next(), After(110)) << "they rest after their own kind";
  // A pass over all flows is one over the tombstones as well.
  EXPECT_EQ(schedule.Begin(After(1000)), kFlows);
  EXPECT_EQ(schedule.Next(), kNever);
}

TEST(PassSchedule, TriesAgainASecondAfterAFailure) {
  PassSchedule schedule;
  for (const PassKind kind : {kTombstones, kFlows}) {
    schedule.Need(kind, kStart);
    for (int attempt = 1; attempt <= 3; ++attempt) {
      EXPECT_EQ(schedule.Begin(After(1500 * attempt)), kind);
      schedule.End(kind, After(1500 * attempt), milliseconds(1), false);
      EXPECT_EQ(schedule.Next(), After(1500 * attempt + 1000));
    }
    schedule.Begin(After(9000));
    schedule.End(kind, After(9000), milliseconds(1), true);
    // Nobody has confirmed the flows yet.
    EXPECT_EQ(schedule.Next(), kind == kFlows ? After(10000) : kNever);
  }
}

}  // namespace
}  // namespace podgate::controller
