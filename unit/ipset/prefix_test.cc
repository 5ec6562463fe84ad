// Prefixes: the strict form, the forms that older API servers stored, and what a prefix contains.
#include <gtest/gtest.h>

#include <string>

#include "ipset/address.h"

namespace podgate::ipset {
namespace {

constexpr const char* kRefused = nullptr;  // by every API server that ever was

struct PrefixCase {
  const char* text;
  const char* want;
  const char* note;  // empty: accepted by the strict form too
};

class PrefixParse : public testing::TestWithParam<PrefixCase> {};

TEST_P(PrefixParse, LegacyFormReadsAllAndStrictFormWhatIsNotOdd) {
  const auto& [text, want, note] = GetParam();
  const auto legacy = Prefix::ParseLegacy(text);
  const auto strict = Prefix::Parse(text);
  if (want == kRefused) {
    EXPECT_FALSE(legacy) << text << " was read as " << legacy->prefix.ToString();
    EXPECT_FALSE(strict) << text;
    return;
  }
  ASSERT_TRUE(legacy) << text;
  EXPECT_EQ(legacy->prefix.ToString(), want) << text;
  EXPECT_EQ(legacy->note, note) << text;
  ASSERT_EQ(strict.has_value(), legacy->note.empty()) << text;
  if (strict) {
    EXPECT_EQ(*strict, legacy->prefix);
  }
}

constexpr PrefixCase kStrictCases[] = {
    {"0.0.0.0/0", "0.0.0.0/0", ""},
    {"128.0.0.0/1", "128.0.0.0/1", ""},
    {"10.0.0.0/8", "10.0.0.0/8", ""},
    {"255.255.255.255/32", "255.255.255.255/32", ""},
    {"::/0", "::/0", ""},
    {"8000::/1", "8000::/1", ""},
    {"2001:db8::/32", "2001:db8::/32", ""},
    {"::/128", "::/128", ""},
    {"::1/128", "::1/128", ""},
    {"::fffe:0:0/95", "::fffe:0:0/95", ""},
    // Not RFC 5952, yet valid: the API server only warns.
    {"2001:DB8:0:0::/32", "2001:db8::/32", ""},
    {"2001:0db8::/32", "2001:db8::/32", ""},
    {"64:ff9b::10.0.0.0/104", "64:ff9b::a00:0/104", ""},
    {"::10.0.0.0/104", "::a00:0/104", ""},
};
INSTANTIATE_TEST_SUITE_P(Strict, PrefixParse, testing::ValuesIn(kStrictCases));

constexpr PrefixCase kLegacyCases[] = {
    {"10.0.0.0/0", "0.0.0.0/0", "host bits set"},
    {"10.1.2.3/8", "10.0.0.0/8", "host bits set"},
    {"10.0.0.1/31", "10.0.0.0/31", "host bits set"},
    {"2001:db8::1/64", "2001:db8::/64", "host bits set"},
    {"::1/0", "::/0", "host bits set"},
    {"010.0.0.0/8", "10.0.0.0/8", "leading zeros"},
    {"10.00.000.0000/8", "10.0.0.0/8", "leading zeros"},
    {"10.0.0.0/08", "10.0.0.0/8", "leading zeros"},
    {"0.0.0.0/00", "0.0.0.0/0", "leading zeros"},
    {"192.168.000.010/32", "192.168.0.10/32", "leading zeros"},
    {"010.010.0.0/016", "10.10.0.0/16", "leading zeros"},
    {"2001:db8::/032", "2001:db8::/32", "leading zeros"},
    {"02001:db8::/32", "2001:db8::/32", "leading zeros"},
    {"64:ff9b::010.0.0.0/104", "64:ff9b::a00:0/104", "leading zeros"},
    {"010.1.2.3/8", "10.0.0.0/8", "leading zeros, host bits set"},
    {"::ffff:10.0.0.0/104", "10.0.0.0/8", "IPv4-mapped IPv6"},
    {"::ffff:a00:0/104", "10.0.0.0/8", "IPv4-mapped IPv6"},
    {"::FFFF:10.1.2.3/128", "10.1.2.3/32", "IPv4-mapped IPv6"},
    {"::ffff:0:0/96", "0.0.0.0/0", "IPv4-mapped IPv6"},
    {"::ffff:10.1.2.3/96", "0.0.0.0/0", "IPv4-mapped IPv6, host bits set"},
    {"::ffff:10.1.2.3/104", "10.0.0.0/8", "IPv4-mapped IPv6, host bits set"},
    {"::ffff:010.0.0.0/0104", "10.0.0.0/8", "leading zeros, IPv4-mapped IPv6"},
    // Shorter than /96 the masked address is not IPv4-mapped any more.
    {"::ffff:0:0/95", "::fffe:0:0/95", "IPv4-mapped IPv6, host bits set"},
    {"::ffff:10.0.0.0/80", "::/80", "IPv4-mapped IPv6, host bits set"},
    {"::ffff:10.0.0.0/8", "::/8", "IPv4-mapped IPv6, host bits set"},
    {"::ffff:10.0.0.0/0", "::/0", "IPv4-mapped IPv6, host bits set"},
};
INSTANTIATE_TEST_SUITE_P(Legacy, PrefixParse, testing::ValuesIn(kLegacyCases));

constexpr PrefixCase kRefusedCases[] = {
    {"", kRefused, ""},
    {"/", kRefused, ""},
    {"/8", kRefused, ""},
    {"10.0.0.0", kRefused, ""},
    {"10.0.0.0/", kRefused, ""},
    {"10.0.0.0/33", kRefused, ""},
    {"10.0.0.0/033", kRefused, ""},
    {"10.0.0.0/-1", kRefused, ""},
    {"10.0.0.0/+8", kRefused, ""},
    {"10.0.0.0/ 8", kRefused, ""},
    {"10.0.0.0/8 ", kRefused, ""},
    {" 10.0.0.0/8", kRefused, ""},
    {"10.0.0.0/8/8", kRefused, ""},
    {"10.0.0.0//8", kRefused, ""},
    {"10.0.0.0/255.0.0.0", kRefused, ""},
    {"10.0.0.0/0x8", kRefused, ""},
    {"10.0.0.0/a", kRefused, ""},
    {"10.0.0/8", kRefused, ""},
    {"10/8", kRefused, ""},
    {"10.0.0.256/8", kRefused, ""},
    {"0x0a.0.0.0/8", kRefused, ""},
    {"10.0.0.0/4294967304", kRefused, ""},
    {"10.0.0.0/99999999999999999999", kRefused, ""},
    {"::", kRefused, ""},
    {"::/129", kRefused, ""},
    {"::%lo/64", kRefused, ""},
    {"fe80::%eth0/64", kRefused, ""},
    {"::/64%lo", kRefused, ""},
    {"[::]/0", kRefused, ""},
    {"2001:db8:::/32", kRefused, ""},
    {"10000::/16", kRefused, ""},
    {"::ffff:10.0.0.0/129", kRefused, ""},
    {"any", kRefused, ""},
    {"localhost/8", kRefused, ""},
};
INSTANTIATE_TEST_SUITE_P(Refused, PrefixParse, testing::ValuesIn(kRefusedCases));

TEST(PrefixParseHostile, LongTextIsReadOrRefusedInLinearTime) {
  const std::string zeros(1'000'000, '0');
  const std::string ones(1'000'000, '1');
  EXPECT_EQ(Prefix::ParseLegacy(zeros + "10.0.0.0/8")->prefix.ToString(), "10.0.0.0/8");
  EXPECT_EQ(Prefix::ParseLegacy("10.0.0.0/" + zeros + "8")->prefix.ToString(), "10.0.0.0/8");
  EXPECT_FALSE(Prefix::Parse("10.0.0.0/" + zeros + "8"));
  EXPECT_FALSE(Prefix::ParseLegacy("10.0.0.0/" + ones));
  EXPECT_FALSE(Prefix::ParseLegacy(ones + ".0.0.0/8"));
  EXPECT_FALSE(Prefix::ParseLegacy(ones + "::/8"));
  EXPECT_FALSE(Prefix::ParseLegacy(std::string(1'000'000, '/')));
  EXPECT_FALSE(Prefix::ParseLegacy(std::string(1'000'000, ':') + "/8"));
  EXPECT_FALSE(Prefix::ParseLegacy(std::string("10.0.0.0/8\0", 11)));
}

TEST(Prefix, MasksHostBits) {
  const Address address = *Address::Parse("10.255.129.7");
  EXPECT_EQ(Prefix(address, 32).ToString(), "10.255.129.7/32");
  EXPECT_EQ(Prefix(address, 17).ToString(), "10.255.128.0/17");
  EXPECT_EQ(Prefix(address, 0).ToString(), "0.0.0.0/0");
  const Address v6 = Address::Last(Family::kIPv6);
  EXPECT_EQ(Prefix(v6, 65).ToString(), "ffff:ffff:ffff:ffff:8000::/65");
  EXPECT_EQ(Prefix(v6, 64).ToString(), "ffff:ffff:ffff:ffff::/64");
  EXPECT_EQ(Prefix(v6, 63).ToString(), "ffff:ffff:ffff:fffe::/63");
}

TEST(Prefix, EveryLengthRoundTripsThroughText) {
  for (const char* text : {"10.255.129.7", "255.255.255.255", "2001:db8:aaaa:5555:f0f0::1", "::"}) {
    const Address address = *Address::Parse(text);
    for (int length = 0; length <= BitsOf(address.family()); ++length) {
      const Prefix prefix(address, length);
      EXPECT_EQ(Prefix::Parse(prefix.ToString()), prefix) << prefix.ToString();
    }
  }
}

TEST(Prefix, LastIsTheEndOfTheRange) {
  EXPECT_EQ(Prefix::Parse("10.0.0.0/8")->last().ToString(), "10.255.255.255");
  EXPECT_EQ(Prefix::Parse("2001:db8::/33")->last().ToString(),
            "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff");
  for (const Family family : {Family::kIPv4, Family::kIPv6}) {
    EXPECT_EQ(Prefix::Whole(family).first(), Address::First(family));
    EXPECT_EQ(Prefix::Whole(family).last(), Address::Last(family));
  }
}

TEST(Prefix, ContainsItsRangeAndNoNeighbour) {
  for (const char* text : {"0.0.0.0/8", "10.1.0.0/16", "10.0.0.4/30", "10.0.0.4/32", "255.0.0.0/8",
                           "2001:db8::/32", "::/1", "ffff::/16", "::4/126"}) {
    const Prefix prefix = *Prefix::Parse(text);
    EXPECT_TRUE(prefix.Contains(prefix.first())) << text;
    EXPECT_TRUE(prefix.Contains(prefix.last())) << text;
    if (const auto before = prefix.first().Previous()) {
      EXPECT_FALSE(prefix.Contains(*before)) << text;
    }
    if (const auto after = prefix.last().Next()) {
      EXPECT_FALSE(prefix.Contains(*after)) << text;
    }
  }
}

TEST(Prefix, FamiliesNeverMix) {
  EXPECT_FALSE(Prefix::Parse("::/0")->Contains(*Address::Parse("10.0.0.1")));
  EXPECT_FALSE(Prefix::Parse("0.0.0.0/0")->Contains(*Address::Parse("2001:db8::1")));
  EXPECT_FALSE(Prefix::Parse("::/0")->Contains(*Prefix::Parse("10.0.0.0/8")));
  EXPECT_TRUE(Prefix::Parse("10.0.0.0/8")->Contains(*Address::Parse("::ffff:10.0.0.1")));
}

TEST(Prefix, ContainsPrefixesNotShorterThanItself) {
  const Prefix ten = *Prefix::Parse("10.0.0.0/8");
  EXPECT_TRUE(ten.Contains(ten));
  EXPECT_TRUE(ten.Contains(*Prefix::Parse("10.255.0.0/16")));
  EXPECT_FALSE(ten.Contains(*Prefix::Parse("10.0.0.0/7")));
  EXPECT_FALSE(ten.Contains(*Prefix::Parse("11.0.0.0/16")));
  EXPECT_FALSE(ten.Contains(Prefix::Whole(Family::kIPv4)));
}

}  // namespace
}  // namespace podgate::ipset
