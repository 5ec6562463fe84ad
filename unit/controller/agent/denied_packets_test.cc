#include "controller/agent/denied_packets.h"

#include <gtest/gtest.h>

#include <map>

namespace podgate::controller {
namespace {

TEST(DeniedPackets, OnlyGrow) {
  std::map<std::string, std::optional<std::uint64_t>> kernel{
      {"denied-ingress", 5}, {"denied-egress", 0}, {"forged", 3}};
  DeniedPackets denied([&](nft::TableFamily, const std::string& name) { return kernel.at(name); });
  EXPECT_EQ(denied.Read().ingress, 5U);
  EXPECT_EQ(denied.Read().forged, 3U);
  kernel["denied-ingress"] = 9;
  kernel["denied-egress"] = 1;
  EXPECT_EQ(denied.Read().ingress, 9U);
  EXPECT_EQ(denied.Read().egress, 1U);
  // The table was deleted, and restored.
  kernel["denied-ingress"] = 0;
  EXPECT_EQ(denied.Read().ingress, 9U);
  kernel["denied-ingress"] = 2;
  EXPECT_EQ(denied.Read().ingress, 11U);
  kernel["denied-ingress"] = 1;
  EXPECT_EQ(denied.Read().ingress, 12U);
  // The kernel does not answer.
  kernel["denied-ingress"] = std::nullopt;
  EXPECT_EQ(denied.Read().ingress, 12U);
  kernel["denied-ingress"] = 3;
  EXPECT_EQ(denied.Read().ingress, 14U);
  EXPECT_EQ(denied.Read().egress, 1U);
}

}  // namespace
}  // namespace podgate::controller
