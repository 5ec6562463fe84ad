// The values of named counters in a real kernel.
#include "nft/kernel/counters.h"

#include <gtest/gtest.h>

#include "unit/nft/kernel/real_kernel.h"

namespace podgate::nft {
namespace {

class CountersTest : public RealKernelTest {};

TEST_F(CountersTest, AreReadOnOneSocket) {
  const auto opened = CounterReader::Open();
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  CounterReader& reader = *opened.value();
  const auto none = reader.Read("podgate", "denied-ingress");
  ASSERT_TRUE(none.ok()) << none.status().message();
  EXPECT_FALSE(none.value());  // no table

  ASSERT_EQ(LoadWithNft("table inet podgate {\n"
                        "  counter denied-ingress { packets 4294967298 bytes 7 }\n"
                        "  counter denied-egress { }\n"
                        "}\n"),
            "");
  for (int i = 0; i < 3; ++i) {
    const auto read = reader.Read("podgate", "denied-ingress");
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(read.value(), (CounterValue{4294967298, 7}));
    const auto other = reader.Read("podgate", "denied-egress");
    ASSERT_TRUE(other.ok()) << other.status().message();
    EXPECT_EQ(other.value(), CounterValue());
  }
  const auto missing = reader.Read("podgate", "nothing");
  ASSERT_TRUE(missing.ok()) << missing.status().message();
  EXPECT_FALSE(missing.value());
}

}  // namespace
}  // namespace podgate::nft
