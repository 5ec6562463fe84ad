// Sets of addresses by example: normal form, the ends of both families, excepts of an ipBlock.
// The laws that hold for all sets are in address_set_property_test.cc.
#include "ipset/address_set.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace podgate::ipset {
namespace {

AddressSet SetOf(const std::vector<std::string>& prefixes) {
  std::vector<Prefix> parsed;
  for (const std::string& text : prefixes) parsed.push_back(*Prefix::Parse(text));
  return AddressSet::Of(parsed);
}

Interval Range(const char* first, const char* last) {
  return {*Address::Parse(first), *Address::Parse(last)};
}

TEST(AddressSet, EmptySetHoldsNothing) {
  const AddressSet empty;
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.ToString(), "");
  EXPECT_TRUE(empty.Prefixes().empty());
  EXPECT_FALSE(empty.Contains(Address()));
  EXPECT_EQ(SetOf({}), empty);
  EXPECT_EQ(Union(empty, empty), empty);
  EXPECT_EQ(Subtract(empty, AddressSet::Whole(Family::kIPv4)), empty);
  EXPECT_EQ(Intersect(empty, AddressSet::Whole(Family::kIPv6)), empty);
}

TEST(AddressSet, NormalFormMergesDuplicatesOverlapsAndNeighbours) {
  EXPECT_EQ(SetOf({"10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"}).ToString(), "10.0.0.0/8");
  EXPECT_EQ(SetOf({"10.0.1.0/24", "10.0.0.0/24"}).ToString(), "10.0.0.0/23");
  EXPECT_EQ(SetOf({"10.0.1.0/24", "10.0.2.0/24"}).ToString(), "10.0.1.0/24, 10.0.2.0/24");
  EXPECT_EQ(SetOf({"10.0.1.0/24", "10.0.2.0/24"}).intervals().size(), 1U);
  EXPECT_EQ(SetOf({"0.0.0.0/1", "128.0.0.0/1"}), AddressSet::Whole(Family::kIPv4));
  EXPECT_EQ(SetOf({"8000::/1", "::/1"}), AddressSet::Whole(Family::kIPv6));
}

TEST(AddressSet, FamiliesDoNotTouch) {
  const AddressSet both = SetOf({"255.255.255.255/32", "::/128"});
  EXPECT_EQ(both.intervals().size(), 2U);
  EXPECT_EQ(both.ToString(), "255.255.255.255/32, ::/128");
  const AddressSet whole = SetOf({"0.0.0.0/0", "::/0"});
  EXPECT_EQ(whole.ToString(), "0.0.0.0/0, ::/0");
  EXPECT_EQ(whole.OfFamily(Family::kIPv4), AddressSet::Whole(Family::kIPv4));
  EXPECT_EQ(whole.OfFamily(Family::kIPv6), AddressSet::Whole(Family::kIPv6));
}

TEST(AddressSet, IntervalsWithoutAddressesAreNothing) {
  const Interval reversed = Range("10.0.0.2", "10.0.0.1");
  EXPECT_TRUE(AddressSet::OfIntervals({reversed}).empty());
  EXPECT_TRUE(AddressSet::OfIntervals({Range("10.0.0.1", "::1")}).empty());
  EXPECT_EQ(AddressSet::OfIntervals({reversed, Range("10.0.0.1", "10.0.0.1")}).ToString(),
            "10.0.0.1/32");
}

TEST(AddressSet, WholeWithoutItsEnds) {
  const AddressSet ends4 = SetOf({"0.0.0.0/32", "255.255.255.255/32"});
  const AddressSet inner4 = Subtract(AddressSet::Whole(Family::kIPv4), ends4);
  EXPECT_EQ(inner4.intervals(), (std::vector<Interval>{Range("0.0.0.1", "255.255.255.254")}));
  EXPECT_EQ(inner4.Prefixes().size(), 62U);

  const Address last = Address::Last(Family::kIPv6);
  const AddressSet ends6 = SetOf({"::/128", last.ToString() + "/128"});
  const AddressSet inner6 = Subtract(AddressSet::Whole(Family::kIPv6), ends6);
  EXPECT_EQ(inner6.intervals(),
            (std::vector<Interval>{{*Address::Parse("::1"), *last.Previous()}}));
  EXPECT_EQ(inner6.Prefixes().size(), 254U);  // the most that one interval can need
  EXPECT_EQ(AddressSet::Of(inner6.Prefixes()), inner6);
}

TEST(AddressSet, ExceptOfAnIpBlock) {
  EXPECT_EQ(Subtract(SetOf({"10.0.0.0/8"}), SetOf({"10.1.0.0/16"})).ToString(),
            "10.0.0.0/16, 10.2.0.0/15, 10.4.0.0/14, 10.8.0.0/13, 10.16.0.0/12, 10.32.0.0/11, "
            "10.64.0.0/10, 10.128.0.0/9");
  EXPECT_TRUE(Subtract(SetOf({"10.0.0.0/8"}), SetOf({"0.0.0.0/0"})).empty());
  EXPECT_EQ(Subtract(SetOf({"::/0"}), SetOf({"0.0.0.0/0"})).ToString(), "::/0");
}

TEST(AddressSet, OneHoleMayCutSeveralIntervals) {
  const AddressSet set = SetOf({"10.0.0.0/24", "10.0.2.0/24", "10.0.4.0/24"});
  const AddressSet hole = AddressSet::OfIntervals({Range("10.0.0.128", "10.0.4.127")});
  EXPECT_EQ(Subtract(set, hole).ToString(), "10.0.0.0/25, 10.0.4.128/25");
  EXPECT_EQ(Intersect(set, hole).ToString(), "10.0.0.128/25, 10.0.2.0/24, 10.0.4.0/25");
}

TEST(AddressSet, ContainsItsIntervalsWithBothEnds) {
  const AddressSet set = SetOf({"10.0.0.0/30", "10.0.0.8/30", "2001:db8::/126"});
  for (const char* in : {"10.0.0.0", "10.0.0.3", "10.0.0.8", "10.0.0.11", "2001:db8::3"}) {
    EXPECT_TRUE(set.Contains(*Address::Parse(in))) << in;
  }
  for (const char* out : {"0.0.0.0", "9.255.255.255", "10.0.0.4", "10.0.0.7", "10.0.0.12",
                          "255.255.255.255", "::", "2001:db8::4"}) {
    EXPECT_FALSE(set.Contains(*Address::Parse(out))) << out;
  }
}

TEST(AddressSet, DeltaTurnsBeforeIntoAfter) {
  const AddressSet before = SetOf({"10.0.0.0/24"});
  const AddressSet after = SetOf({"10.0.0.128/25", "10.0.1.0/25"});
  const Delta delta = DeltaOf(before, after);
  EXPECT_EQ(delta.added.ToString(), "10.0.1.0/25");
  EXPECT_EQ(delta.removed.ToString(), "10.0.0.0/25");
  EXPECT_TRUE(DeltaOf(after, after).added.empty());
  EXPECT_TRUE(DeltaOf(after, after).removed.empty());
}

TEST(AddressSet, TheWholeOfIPv6HasNoHoleForMappedAddresses) {
  const AddressSet hole = SetOf({"2001:db8::/32"});
  const AddressSet rest = Subtract(AddressSet::Whole(Family::kIPv6), hole);
  EXPECT_EQ(rest.intervals().size(), 2U);
  EXPECT_EQ(Union(rest, hole), AddressSet::Whole(Family::kIPv6));
  EXPECT_FALSE(rest.Contains(*Address::Parse("::ffff:10.0.0.1")));
}

}  // namespace
}  // namespace podgate::ipset
