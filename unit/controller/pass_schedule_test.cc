#include "controller/pass_schedule.h"

#include <gtest/gtest.h>

namespace podgate::controller {
namespace {

using std::chrono::milliseconds;
using Need = PassSchedule::Need;

const Clock::Time kStart{std::chrono::hours(1)};
constexpr Clock::Time kNever = Clock::Time::max();

TEST(PassSchedule, NothingToDoWithoutAChange) { EXPECT_EQ(PassSchedule().Next(), kNever); }

TEST(PassSchedule, AtOnceAfterAQuietTimeAndOnceMoreASecondLater) {
  PassSchedule schedule;
  schedule.Changed(kStart, Need::kNow);
  EXPECT_EQ(schedule.Next(), kStart);
  schedule.Begin();
  EXPECT_EQ(schedule.Next(), kNever);
  schedule.End(kStart + milliseconds(2), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), kStart + milliseconds(1002));
  schedule.Begin();
  schedule.End(kStart + milliseconds(1010), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), kNever);
  schedule.Changed(kStart + milliseconds(5000), Need::kNow);
  EXPECT_EQ(schedule.Next(), kStart + milliseconds(5000));
}

TEST(PassSchedule, RestsNineTimesWhatAPassCost) {
  PassSchedule schedule;
  Clock::Time now = kStart;
  Clock::Duration busy{};
  schedule.Changed(now, Need::kNow);
  while (now < kStart + std::chrono::minutes(1)) {
    now = std::max(now, schedule.Next());
    schedule.Begin();
    now += milliseconds(300);  // of which a third was waiting for the loop
    busy += milliseconds(200);
    schedule.Changed(now - milliseconds(100), Need::kNow);  // while the pass was under way
    schedule.End(now, milliseconds(200), true);
    EXPECT_EQ(schedule.Next(), now + milliseconds(1800));
  }
  EXPECT_LT(busy, (now - kStart) / 10 + milliseconds(200));
}

TEST(PassSchedule, AChangeDuringAPassNeedsItsOwnConfirmation) {
  PassSchedule schedule;
  schedule.Changed(kStart, Need::kNow);
  schedule.Begin();
  schedule.End(kStart, milliseconds(0), true);
  schedule.Begin();  // the confirming pass
  schedule.Changed(kStart + milliseconds(1), Need::kNow);
  schedule.End(kStart + milliseconds(2), milliseconds(0), true);
  EXPECT_EQ(schedule.Next(), kStart + milliseconds(2));
  schedule.Begin();
  schedule.End(kStart + milliseconds(3), milliseconds(0), true);
  EXPECT_EQ(schedule.Next(), kStart + milliseconds(1003));
}

TEST(PassSchedule, WhatCanOnlyUnsealWaitsLonger) {
  PassSchedule schedule;
  schedule.Changed(kStart, Need::kSometime);
  EXPECT_EQ(schedule.Next(), kStart);
  schedule.Begin();
  schedule.End(kStart, milliseconds(10), true);
  EXPECT_EQ(schedule.Next(), kNever);
  schedule.Changed(kStart + milliseconds(1), Need::kSometime);
  EXPECT_EQ(schedule.Next(), kStart + milliseconds(990));
  schedule.Changed(kStart + milliseconds(2), Need::kNow);
  EXPECT_EQ(schedule.Next(), kStart + milliseconds(90));
}

TEST(PassSchedule, TriesAgainASecondAfterAFailure) {
  PassSchedule schedule;
  schedule.Changed(kStart, Need::kNow);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    schedule.Begin();
    const Clock::Time now = kStart + milliseconds(1500) * attempt;
    schedule.End(now, milliseconds(1), false);
    EXPECT_EQ(schedule.Next(), now + milliseconds(1000));
  }
  schedule.Begin();
  schedule.End(kStart + milliseconds(9000), milliseconds(1), true);
  EXPECT_EQ(schedule.Next(), kStart + milliseconds(10000)) << "the flows were never confirmed";
}

}  // namespace
}  // namespace podgate::controller
