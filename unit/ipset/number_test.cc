// Arithmetic on 128-bit numbers where the two halves meet.
#include "ipset/number.h"

#include <gtest/gtest.h>

#include "ipset/address.h"

namespace podgate::ipset {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

TEST(Number, LowBitsOfEveryCount) {
  EXPECT_EQ(LowBits(0), (Number{0, 0}));
  EXPECT_EQ(LowBits(1), (Number{0, 1}));
  EXPECT_EQ(LowBits(63), (Number{0, kAll >> 1}));
  EXPECT_EQ(LowBits(64), (Number{0, kAll}));
  EXPECT_EQ(LowBits(65), (Number{1, kAll}));
  EXPECT_EQ(LowBits(127), (Number{kAll >> 1, kAll}));
  EXPECT_EQ(LowBits(128), (Number{kAll, kAll}));
  for (int count = 0; count <= 128; ++count) {
    EXPECT_EQ(Width(LowBits(count)), count);
    EXPECT_EQ(TrailingZeros(~LowBits(count)), count);
  }
}

TEST(Number, CarryAndBorrowCrossTheHalves) {
  EXPECT_EQ(Plus({0, kAll}, {0, 1}), (Number{1, 0}));
  EXPECT_EQ(Minus({1, 0}, {0, 1}), (Number{0, kAll}));
  EXPECT_EQ(Plus({kAll, kAll}, {0, 1}), (Number{0, 0}));
  EXPECT_EQ(Minus({0, 0}, {0, 1}), (Number{kAll, kAll}));
  EXPECT_EQ(Minus(Plus({3, kAll - 1}, {5, 7}), {5, 7}), (Number{3, kAll - 1}));
}

TEST(Number, ComparesByTheHighHalfFirst) {
  EXPECT_LT((Number{0, kAll}), (Number{1, 0}));
  EXPECT_LT((Number{1, 0}), (Number{1, 1}));
}

TEST(Number, IsTheAddressInBothDirections) {
  EXPECT_EQ(NumberOf(*Address::Parse("10.0.0.1")), (Number{0, 0x0a000001}));
  EXPECT_EQ(NumberOf(*Address::Parse("2001:db8::1")), (Number{0x20010db800000000, 1}));
  for (const char* text : {"0.0.0.0", "255.255.255.255", "10.1.2.3", "::", "1:2:3:4:5:6:7:8"}) {
    const Address address = *Address::Parse(text);
    EXPECT_EQ(AddressOf(address.family(), NumberOf(address)), address);
  }
}

}  // namespace
}  // namespace podgate::ipset
