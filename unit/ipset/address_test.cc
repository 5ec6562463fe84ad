// Addresses: every text form accepted and refused, the text written, order, and both ends.
#include "ipset/address.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace podgate::ipset {
namespace {

constexpr const char* kRefused = nullptr;

struct ParseCase {
  const char* text;
  const char* want;
};

class AddressParse : public testing::TestWithParam<ParseCase> {};

TEST_P(AddressParse, IsReadAsGoReadsIt) {
  const auto& [text, want] = GetParam();
  const auto address = Address::Parse(text);
  if (want == kRefused) {
    EXPECT_FALSE(address) << text << " was read as " << address->ToString();
    return;
  }
  ASSERT_TRUE(address) << text;
  EXPECT_EQ(address->ToString(), want);
}

constexpr ParseCase kIPv4Cases[] = {
    {"0.0.0.0", "0.0.0.0"},
    {"10.0.0.1", "10.0.0.1"},
    {"255.255.255.255", "255.255.255.255"},
    {"127.1", kRefused},
    {"1.2.3", kRefused},
    {"1.2.3.", kRefused},
    {".1.2.3", kRefused},
    {"1..2.3", kRefused},
    {"1.2.3.4.", kRefused},
    {"1.2.3.4.5", kRefused},
    {"256.0.0.1", kRefused},
    {"1.2.3.256", kRefused},
    {"1.2.3.99999999999999999999", kRefused},
    {"16909060", kRefused},
    {"01.2.3.4", kRefused},
    {"1.2.3.04", kRefused},
    {"00.0.0.0", kRefused},
    {"0x1.2.3.4", kRefused},
    {"1.2.3.a", kRefused},
    {"+1.2.3.4", kRefused},
    {"-1.2.3.4", kRefused},
    {" 1.2.3.4", kRefused},
    {"1.2.3.4 ", kRefused},
    {"1.2.3.4\n", kRefused},
    {"1.2.3.4/32", kRefused},
    {"1.2.3.4:80", kRefused},
    {"\xd9\xa1.2.3.4", kRefused},  // an Arabic-Indic digit one
};
INSTANTIATE_TEST_SUITE_P(IPv4, AddressParse, testing::ValuesIn(kIPv4Cases));

constexpr ParseCase kIPv6Cases[] = {
    {"::", "::"},
    {"::1", "::1"},
    {"1::", "1::"},
    {"2001:db8::1", "2001:db8::1"},
    {"2001:DB8::A", "2001:db8::a"},
    {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
    {"1:0:0:2::3", "1:0:0:2::3"},
    {"1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},
    {"1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"},
    {"f:ff:fff:ffff:10:100:1000:0", "f:ff:fff:ffff:10:100:1000:0"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    // A dotted quad at the end. IPv4-mapped is IPv4; all others, IPv4-compatible too, are IPv6.
    {"::ffff:10.0.0.1", "10.0.0.1"},
    {"::FFFF:a00:1", "10.0.0.1"},
    {"0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"},
    {"::ffff:0:0", "0.0.0.0"},
    {"::ffff:255.255.255.255", "255.255.255.255"},
    {"::1.2.3.4", "::102:304"},
    {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
    {"::fffe:1.2.3.4", "::fffe:102:304"},
    {"::ffff:0:1.2.3.4", "::ffff:0:102:304"},
};
INSTANTIATE_TEST_SUITE_P(IPv6, AddressParse, testing::ValuesIn(kIPv6Cases));

constexpr ParseCase kIPv6Refused[] = {
    {"", kRefused},
    {":", kRefused},
    {":::", kRefused},
    {"::::", kRefused},
    {"1", kRefused},
    {"1:", kRefused},
    {":1", kRefused},
    {"1::2::3", kRefused},
    {"1:::2", kRefused},
    {"1:2:3:4:5:6:7", kRefused},
    {"1:2:3:4:5:6:7:", kRefused},
    {"1:2:3:4:5:6:7:8:9", kRefused},
    {"1:2:3:4:5:6:7:8:", kRefused},
    {"1:2:3:4:5:6:7:8::", kRefused},  // "::" stands for at least one group
    {"::1:2:3:4:5:6:7:8", kRefused},
    {"1:2:3:4::5:6:7:8", kRefused},
    {"12345::", kRefused},
    {"00001::", kRefused},
    {"::g", kRefused},
    {"fe80::1%eth0", kRefused},
    {"::1%", kRefused},
    {"[::1]", kRefused},
    {"::1/128", kRefused},
    {"1.2.3.4::", kRefused},
    {"::1.2.3.4:5", kRefused},
    {"::1.2.3", kRefused},
    {"::1.2.3.4.5", kRefused},
    {"::1.2.3.256", kRefused},
    {"::1.2.3.04", kRefused},
    {"::a.2.3.4", kRefused},
    {"1:2:3:4:5:6:7:1.2.3.4", kRefused},
    {"1:2:3:4:5:1.2.3.4", kRefused},
    {"::1:2:3:4:5:6:7.8.9.1", kRefused},
    {" ::1", kRefused},
    {"::1 ", kRefused},
};
INSTANTIATE_TEST_SUITE_P(IPv6Refused, AddressParse, testing::ValuesIn(kIPv6Refused));

TEST(AddressParseHostile, LongTextIsRefused) {
  for (const char* unit : {"0", "1", ":", "::", ".", "1:", "1.", "f", "ffff:", "\xff", "%"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    EXPECT_FALSE(Address::Parse(text)) << unit;
    EXPECT_FALSE(Address::Parse("::" + text)) << unit;
    EXPECT_FALSE(Address::Parse("10.0.0.1" + text)) << unit;
  }
}

TEST(AddressParseHostile, AZeroByteIsNoEnd) {
  using std::string_literals::operator""s;
  EXPECT_FALSE(Address::Parse("10.0.0.1\0"s));
  EXPECT_FALSE(Address::Parse("::1\0"s));
  EXPECT_FALSE(Address::Parse("\0"s));
}

TEST(Address, FromBytesNeedsTheFamilysLength) {
  const std::vector<std::uint8_t> bytes = {10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3};
  const std::span<const std::uint8_t> all(bytes);
  EXPECT_EQ(Address::FromBytes(Family::kIPv4, all.first(4))->ToString(), "10.0.0.1");
  EXPECT_EQ(Address::FromBytes(Family::kIPv6, all.first(16))->ToString(), "a00:1::2");
  for (const std::size_t n : {0U, 3U, 5U, 16U}) {
    EXPECT_FALSE(Address::FromBytes(Family::kIPv4, all.first(n))) << n;
  }
  for (const std::size_t n : {0U, 4U, 15U, 17U}) {
    EXPECT_FALSE(Address::FromBytes(Family::kIPv6, all.first(n))) << n;
  }
}

TEST(Address, BytesAreInNetworkOrder) {
  const Address v4 = Address::FromIPv4(0x0a000001);
  EXPECT_EQ(std::vector<std::uint8_t>(v4.bytes().begin(), v4.bytes().end()),
            (std::vector<std::uint8_t>{10, 0, 0, 1}));
  const Address v6 = *Address::Parse("2001:db8::1");
  EXPECT_EQ(std::vector<std::uint8_t>(v6.bytes().begin(), v6.bytes().end()),
            (std::vector<std::uint8_t>{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

TEST(Address, DefaultIsTheFirstIPv4Address) {
  EXPECT_EQ(Address(), Address::First(Family::kIPv4));
  EXPECT_EQ(Address().ToString(), "0.0.0.0");
}

TEST(Address, EndsHaveNoNeighbourBeyond) {
  for (const Family family : {Family::kIPv4, Family::kIPv6}) {
    EXPECT_FALSE(Address::First(family).Previous());
    EXPECT_FALSE(Address::Last(family).Next());
    EXPECT_EQ(Address::First(family).Next()->Previous(), Address::First(family));
    EXPECT_EQ(Address::Last(family).Previous()->Next(), Address::Last(family));
  }
  EXPECT_EQ(Address::Last(Family::kIPv4).ToString(), "255.255.255.255");
  EXPECT_EQ(Address::Last(Family::kIPv6).ToString(), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(Address, NextCarriesThroughEveryByte) {
  constexpr ParseCase kCases[] = {{"10.0.0.255", "10.0.1.0"},
                                  {"10.255.255.255", "11.0.0.0"},
                                  {"::ffff", "::1:0"},
                                  {"::ffff:ffff:ffff:ffff", "0:0:0:1::"},
                                  {"2001:db8::", "2001:db8::1"}};
  for (const auto& [text, want] : kCases) {
    const Address address = *Address::Parse(text);
    EXPECT_EQ(address.Next()->ToString(), want);
    EXPECT_EQ(address.Next()->Previous(), address);
  }
}

TEST(Address, WalkingThroughTheMappedRangeStaysIPv6) {
  const Address before = *Address::Parse("::fffe:ffff:ffff");
  ASSERT_TRUE(before.Next());
  EXPECT_EQ(before.Next()->family(), Family::kIPv6);
  EXPECT_EQ(before.Next()->ToString(), "::ffff:0.0.0.0");
  EXPECT_LT(before, *before.Next());
}

TEST(Address, SortsByFamilyThenNumber) {
  const std::vector<std::string> sorted = {
      "0.0.0.0", "9.255.255.255", "10.0.0.0", "255.255.255.255", "::", "::1", "1::", "a::", "f::"};
  for (std::size_t i = 0; i + 1 < sorted.size(); ++i) {
    EXPECT_LT(*Address::Parse(sorted[i]), *Address::Parse(sorted[i + 1])) << sorted[i];
  }
  EXPECT_NE(Address::First(Family::kIPv4), Address::First(Family::kIPv6));
}

}  // namespace
}  // namespace podgate::ipset
