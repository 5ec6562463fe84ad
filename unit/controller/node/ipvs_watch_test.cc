#include "controller/node/ipvs_watch.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/controller/base/fake_clock.h"

namespace podgate::controller {
namespace {

const std::string kHeader =
    "IP Virtual Server version 1.2.1 (size=4096)\n"
    "Prot LocalAddress:Port Scheduler Flags\n"
    "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n";

TEST(IpvsWatch, AServiceIsALineOfItsOwn) {
  EXPECT_FALSE(ListsIpvsService(""));
  EXPECT_FALSE(ListsIpvsService(kHeader));
  EXPECT_FALSE(ListsIpvsService(kHeader + "  -> 0AF40105:1F90      Masq    1      0          0\n"));
  EXPECT_TRUE(ListsIpvsService(kHeader + "TCP  0A60000A:0050 rr\n"));
  EXPECT_TRUE(ListsIpvsService(kHeader + "UDP  [fd00:0096::0010]:0035 rr\n"));
  EXPECT_TRUE(ListsIpvsService(kHeader + "SCTP 0A60000A:0050 rr\n"));
  EXPECT_TRUE(ListsIpvsService(kHeader + "FWM  00000001 rr\n"));
}

TEST(IpvsWatch, LooksOnceASecondAndSaysWhatChanges) {
  FakeClock clock;
  std::string logged;
  Logger log(Logger::Format::kText, LogLevel::kInfo,
             [&](std::string_view line) { logged += line; });
  bool there = false;
  int looks = 0;
  IpvsWatch watch(
      [&] {
        ++looks;
        return there;
      },
      &clock, &log);
  EXPECT_FALSE(watch.InUse());
  there = true;
  EXPECT_FALSE(watch.InUse());
  EXPECT_EQ(looks, 1);
  EXPECT_EQ(logged, "");
  clock.Advance(IpvsWatch::kLookEvery);
  EXPECT_TRUE(watch.InUse());
  EXPECT_NE(logged.find("node uses ipvs"), std::string::npos) << logged;
  there = false;
  clock.Advance(IpvsWatch::kLookEvery);
  EXPECT_FALSE(watch.InUse());
  EXPECT_NE(logged.find("node no longer uses ipvs"), std::string::npos) << logged;
}

}  // namespace
}  // namespace podgate::controller
