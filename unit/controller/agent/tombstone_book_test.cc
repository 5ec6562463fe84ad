#include "controller/agent/tombstone_book.h"

#include <gtest/gtest.h>

#include "unit/nft/conntrack/flows.h"

namespace podgate::controller {
namespace {

using nft::Flow;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Clock::Time kStart{hours(1000)};
constexpr std::uint32_t kFiveDays = 432'000;

Flow Tombstone(std::uint16_t port, std::uint8_t protocol = nft::kTcp) {
  return nft::TombstoneOf(nft::PlainFlow("10.0.0.1", "10.0.0.2", protocol, port));
}

TEST(TombstoneBook, RenewsForAsLongAsTheFlowWouldHaveLived) {
  TombstoneBook book;
  book.Put(Tombstone(80), kFiveDays, kStart);
  Clock::Time now = kStart;
  while (book.size() > 0) {
    ASSERT_LE(book.NextDue(), now + minutes(20)) << "the kernel has forgotten it by then";
    now = book.NextDue();
    for (const Flow& due : book.TakeDue(now, 10)) book.Renewed(due, now);
    ASSERT_LT(now, kStart + hours(200));
  }
  EXPECT_GE(now, kStart + seconds(kFiveDays));
  EXPECT_LE(now, kStart + seconds(kFiveDays) + minutes(20));
  EXPECT_EQ(book.NextDue(), Clock::Time::max());
}

TEST(TombstoneBook, ForgetsWhatHasExpired) {
  TombstoneBook book;
  book.Put(Tombstone(53, nft::kUdp), 119, kStart);
  book.Put(Tombstone(80), 300, kStart);  // it would not have lived longer than its tombstone does
  EXPECT_EQ(book.NextDue(), kStart + seconds(5));
  EXPECT_TRUE(book.TakeDue(kStart + seconds(5), 10).empty());
  EXPECT_EQ(book.size(), 1U);
  EXPECT_EQ(book.NextDue(), kStart + minutes(20));
  EXPECT_TRUE(book.TakeDue(kStart + minutes(20), 10).empty());
  EXPECT_EQ(book.size(), 0U);
}

TEST(TombstoneBook, RenewsWhatAnEarlierAgentPutAndShortensWhatItPutForDays) {
  TombstoneBook book;
  Flow fresh = Tombstone(1);
  Flow old = Tombstone(2);
  Flow overlong = Tombstone(3);
  Flow udp = Tombstone(4, nft::kUdp);
  fresh.timeout_seconds = 900;
  old.timeout_seconds = 30;
  overlong.timeout_seconds = kFiveDays;
  for (const Flow& flow : {fresh, old, overlong, udp}) book.Found(flow, kStart);
  EXPECT_EQ(book.TakeDue(kStart, 10), (std::vector<Flow>{old, overlong}));
  for (const Flow& flow : {old, overlong}) book.Renewed(flow, kStart);
  EXPECT_TRUE(book.TakeDue(kStart + seconds(299), 10).empty());
  EXPECT_EQ(book.size(), 3U) << "that of the UDP flow is over";
  EXPECT_EQ(book.TakeDue(kStart + seconds(300), 10), std::vector<Flow>{fresh});
}

TEST(TombstoneBook, TakesNoMoreThanWantedAndTriesAgainWhatFailed) {
  TombstoneBook book;
  for (std::uint16_t port = 1; port <= 5; ++port) book.Put(Tombstone(port), kFiveDays, kStart);
  const Clock::Time due = book.NextDue();
  const auto some = book.TakeDue(due, 3);
  ASSERT_EQ(some.size(), 3U);
  for (const Flow& flow : some) book.NotRenewed(flow, due);
  EXPECT_EQ(book.TakeDue(due, 3).size(), 2U);
  EXPECT_EQ(book.TakeDue(due + TombstoneBook::kRetry, 10).size(), 5U);
  EXPECT_TRUE(book.TakeDue(kStart + minutes(20), 10).empty());
  EXPECT_EQ(book.size(), 0U) << "what could not be renewed has expired";
}

TEST(TombstoneBook, ForgetsWhatAWalkDidNotFind) {
  TombstoneBook book;
  for (const std::uint16_t port : {1, 2}) book.Put(Tombstone(port), kFiveDays, kStart);
  book.BeginWalk();
  book.Found(Tombstone(2), kStart);
  book.Put(Tombstone(3), kFiveDays, kStart);  // during the walk, which may have passed its place
  book.EndWalk();
  EXPECT_EQ(book.All(), (std::vector<Flow>{Tombstone(2), Tombstone(3)}));
  book.Forget(Tombstone(2));
  book.Forget(Tombstone(9));
  EXPECT_EQ(book.All(), std::vector<Flow>{Tombstone(3)});
}

TEST(TombstoneBook, KnowsTheOldest) {
  TombstoneBook book;
  for (const std::uint16_t port : {3, 1, 2}) book.Put(Tombstone(port), kFiveDays, kStart);
  book.Found(Tombstone(3), kStart);
  book.Renewed(Tombstone(3), kStart);
  EXPECT_EQ(book.Oldest(2), (std::vector<Flow>{Tombstone(3), Tombstone(1)}));
  book.Put(Tombstone(3), kFiveDays, kStart);  // a new flow between the same ends was cut
  EXPECT_EQ(book.Oldest(9), (std::vector<Flow>{Tombstone(1), Tombstone(2), Tombstone(3)}));
}

}  // namespace
}  // namespace podgate::controller
