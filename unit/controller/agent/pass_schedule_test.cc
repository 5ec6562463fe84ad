#include "controller/agent/pass_schedule.h"

#include <gtest/gtest.h>

namespace podgate::controller {
namespace {

using std::chrono::milliseconds;
const Clock::Time kStart{std::chrono::hours(1)};
constexpr Clock::Time kNever = Clock::Time::max();
constexpr PassKind kFlows = PassKind::kFlows;
constexpr PassKind kChanged = PassKind::kChanged;
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
  EXPECT_EQ(schedule.Next(), After(61'010)) << "and each minute from then on";
  EXPECT_EQ(schedule.Begin(After(61'010)), kFlows);
  schedule.End(kFlows, After(61'020), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), After(121'020));
  schedule.Need(kFlows, After(65'000));
  EXPECT_EQ(schedule.Next(), After(65'000));
}

// How long passes of this kind take in ten minutes, if they are needed all the time.
Clock::Duration BusyWith(PassKind kind, double cpus) {
  PassSchedule schedule(cpus);
  Clock::Time now = kStart;
  Clock::Duration busy{};
  schedule.Need(kind, now);
  while (now < kStart + std::chrono::minutes(10)) {
    now = std::max(now, schedule.NextOf(kind));
    if (schedule.Begin(now) != kind) continue;  // the pass over all that follows one over some
    now += milliseconds(300);                   // of which a third was waiting for the loop
    busy += milliseconds(200);
    schedule.Need(kind, now - milliseconds(100));  // while the pass was under way
    schedule.End(kind, now, milliseconds(200), true);
  }
  return busy;
}

TEST(PassSchedule, TakesATenthOfACpuInTheLongRun) {
  for (const PassKind kind : {kFlows, kChanged, kTombstones}) {
    for (const double cpus : {1.0, 16.0}) {
      EXPECT_LT(BusyWith(kind, cpus), milliseconds(60'000 + 1'400));
      EXPECT_GT(BusyWith(kind, cpus), milliseconds(60'000 - 1'200));
    }
  }
}

TEST(PassSchedule, TakesATenthOfWhatTheProcessMayUse) {
  for (const PassKind kind : {kFlows, kTombstones}) {
    EXPECT_LT(BusyWith(kind, 0.2), milliseconds(12'000 + 600));
    EXPECT_GT(BusyWith(kind, 0.2), milliseconds(12'000 - 600));
  }
  // Denied flows wait for these.
  EXPECT_LT(BusyWith(kChanged, 0.2), milliseconds(36'000 + 1'200));
  EXPECT_GT(BusyWith(kChanged, 0.2), milliseconds(36'000 - 1'200));
  EXPECT_LT(BusyWith(kChanged, 0.5), milliseconds(60'000 + 1'400)) << "as with a whole one";
  EXPECT_GT(BusyWith(kFlows, 0), milliseconds(0)) << "there is a pass at all";
}

TEST(PassSchedule, WithAFifthOfACpuThreeFifthsOfASecondAreMadeAsTheChangesCome) {
  PassSchedule schedule(0.2);
  Clock::Time now = kStart;
  int at_once = 0;
  for (schedule.Need(kChanged, now); schedule.NextOf(kChanged) <= now;
       schedule.Need(kChanged, now)) {
    schedule.Begin(now);
    now += milliseconds(10);
    schedule.End(kChanged, now, milliseconds(10), true);
    ++at_once;
  }
  EXPECT_GE(at_once, 54);
  EXPECT_LE(at_once, 60);
}

TEST(PassSchedule, ASecondOfPassesIsMadeAsTheChangesCome) {
  PassSchedule schedule;
  Clock::Time now = kStart;
  for (int pass = 0; pass < 20; ++pass) {
    schedule.Need(kChanged, now);
    ASSERT_EQ(schedule.NextOf(kChanged), now) << pass;
    ASSERT_EQ(schedule.Begin(now), kChanged);
    now += milliseconds(50);
    schedule.End(kChanged, now, milliseconds(50), true);
  }
  // 450 ms of rest each, and 50 ms each are over.
  for (int pass = 0; pass < 10; ++pass) {
    schedule.Need(kChanged, now);
    now = std::max(now, schedule.NextOf(kChanged));
    ASSERT_EQ(schedule.Begin(now), kChanged);
    schedule.End(kChanged, now, milliseconds(50), true);
  }
  schedule.Need(kChanged, now);
  EXPECT_GT(schedule.NextOf(kChanged), now + milliseconds(400));
  // After a quiet time there is none to wait for.
  now += std::chrono::seconds(20);
  schedule.Need(kChanged, now);
  EXPECT_LE(schedule.NextOf(kChanged), now);
}

TEST(PassSchedule, ChangedEndsComeFirstAndAllFlowsWhenThingsHaveSettled) {
  PassSchedule schedule;
  schedule.Need(kTombstones, kStart);
  schedule.Need(kChanged, kStart);
  EXPECT_EQ(schedule.Begin(kStart), kChanged);
  schedule.End(kChanged, After(1), milliseconds(1), true);
  EXPECT_EQ(schedule.Begin(After(1)), kTombstones);
  schedule.End(kTombstones, After(2), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), After(1000));
  EXPECT_EQ(schedule.Begin(After(1000)), kFlows);
  schedule.End(kFlows, After(1002), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), After(61'002)) << "that pass is the confirmation";
}

TEST(PassSchedule, APassOverAllFlowsThatComesTooEarlyForAChangeIsConfirmed) {
  PassSchedule schedule;
  schedule.Need(kChanged, kStart);
  schedule.Begin(kStart);
  schedule.End(kChanged, After(1), milliseconds(1), true);
  schedule.Need(kChanged, After(900));
  EXPECT_EQ(schedule.Begin(After(900)), kChanged);
  schedule.End(kChanged, After(901), milliseconds(1), true);
  EXPECT_EQ(schedule.Begin(After(1000)), kFlows);
  // One that comes during it.
  schedule.End(kFlows, After(1010), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), After(2010));
}

TEST(PassSchedule, WhatAPassOverChangedEndsDidNotGetToAllFlowsMakeUpFor) {
  PassSchedule schedule;
  schedule.Need(kChanged, kStart);
  EXPECT_EQ(schedule.Begin(kStart), kChanged);
  schedule.End(kChanged, After(10), milliseconds(1), false);
  EXPECT_EQ(schedule.Next(), After(1000));
  EXPECT_EQ(schedule.Begin(After(1000)), kFlows);
}

TEST(PassSchedule, AChangeDuringAPassNeedsItsOwnConfirmation) {
  PassSchedule schedule;
  schedule.Need(kFlows, kStart);
  schedule.Begin(kStart);
  schedule.End(kFlows, kStart, milliseconds(0), true);
  schedule.Begin(After(1000));  // the confirming pass
  schedule.Need(kFlows, After(1001));
  schedule.End(kFlows, After(1002), milliseconds(0), true);
  EXPECT_EQ(schedule.Next(), After(1001));
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
  schedule.End(kFlows, After(2000), milliseconds(2000), true);  // 18 s of rest, 9 s on credit
  EXPECT_LE(schedule.Next(), After(2000));
  EXPECT_EQ(schedule.Begin(After(2000)), kTombstones);
  schedule.End(kTombstones, After(2001), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), After(11000));
  schedule.Need(kTombstones, After(2002));
  EXPECT_EQ(schedule.Next(), After(2002)) << "they rest after their own kind";
  // A pass over all flows is one over the tombstones as well.
  EXPECT_EQ(schedule.Begin(After(11000)), kFlows);
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
