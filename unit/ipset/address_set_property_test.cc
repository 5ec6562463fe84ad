// The laws of AddressSet, each compared with the bit model on generated sets (bit_model.h).
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "ipset/address_set.h"
#include "unit/ipset/bit_model.h"

namespace podgate::ipset {
namespace {

const Universe& World() {
  static const Universe universe;
  return universe;
}

// A run of cells: where it starts and how many it takes, cut at the end of the family.
struct Run {
  std::size_t cell;
  std::size_t count;
};

void showValue(const Run& run, std::ostream& out) { out << run.cell << "+" << run.count; }

// One set, in both of its forms.
struct Sample {
  AddressSet set;
  Universe::Bits bits;
};

rc::Gen<std::vector<Run>> Runs() {
  const auto cell = rc::gen::inRange<std::size_t>(0, World().cells().size());
  const auto count = rc::gen::weightedOneOf<std::size_t>({
      {6, rc::gen::inRange<std::size_t>(1, 20)},
      {1, rc::gen::inRange<std::size_t>(1, Universe::kMaxCells)},
  });
  return rc::gen::container<std::vector<Run>>(rc::gen::apply(
      [](std::size_t c, std::size_t n) {
        return Run{c, n};
      },
      cell, count));
}

Sample SampleOf(const std::vector<Run>& runs) {
  Sample sample;
  std::vector<Interval> intervals;
  for (const Run& run : runs) {
    const std::size_t end = std::min(run.cell + run.count, World().FamilyEnd(run.cell));
    intervals.push_back({World().cells()[run.cell].first, World().cells()[end - 1].last});
    for (std::size_t i = run.cell; i < end; ++i) sample.bits.set(i);
  }
  sample.set = AddressSet::OfIntervals(intervals);
  return sample;
}

Sample AnySample() { return SampleOf(*Runs()); }

RC_GTEST_PROP(AddressSetLaws, IntervalsAreTheMaximalRuns, ()) {
  const Sample a = AnySample();
  RC_ASSERT(a.set.intervals() == World().Intervals(a.bits));
  RC_ASSERT(a.set.empty() == a.bits.none());
}

RC_GTEST_PROP(AddressSetLaws, UnionIsOr, ()) {
  const Sample a = AnySample();
  const Sample b = AnySample();
  RC_ASSERT(Union(a.set, b.set).intervals() == World().Intervals(a.bits | b.bits));
}

RC_GTEST_PROP(AddressSetLaws, IntersectIsAnd, ()) {
  const Sample a = AnySample();
  const Sample b = AnySample();
  RC_ASSERT(Intersect(a.set, b.set).intervals() == World().Intervals(a.bits & b.bits));
}

RC_GTEST_PROP(AddressSetLaws, SubtractIsAndNot, ()) {
  const Sample a = AnySample();
  const Sample b = AnySample();
  RC_ASSERT(Subtract(a.set, b.set).intervals() == World().Intervals(a.bits & ~b.bits));
}

RC_GTEST_PROP(AddressSetLaws, ContainsEveryCellWithItsBit, ()) {
  const Sample a = AnySample();
  for (std::size_t i = 0; i < World().cells().size(); ++i) {
    RC_ASSERT(a.set.Contains(World().cells()[i].first) == a.bits[i]);
    RC_ASSERT(a.set.Contains(World().cells()[i].last) == a.bits[i]);
  }
}

RC_GTEST_PROP(AddressSetLaws, EqualityIsThatOfTheAddresses, ()) {
  const std::vector<Run> runs = *Runs();
  const Sample a = SampleOf(runs);
  const Sample b = AnySample();
  RC_ASSERT((a.set == b.set) == (a.bits == b.bits));
  const std::vector<Run> reversed(runs.rbegin(), runs.rend());
  RC_ASSERT(SampleOf(reversed).set == a.set);
  // Exactly one of <, ==, > holds.
  RC_ASSERT((a.set < b.set) + (a.set == b.set) + (b.set < a.set) == 1);
}

RC_GTEST_PROP(AddressSetLaws, PrefixesAreTheFewestThatCoverTheSet, ()) {
  const Sample a = AnySample();
  const std::vector<Prefix> prefixes = a.set.Prefixes();
  RC_ASSERT(AddressSet::Of(prefixes) == a.set);
  RC_ASSERT(prefixes.size() == World().LeastPrefixes(a.bits));
  for (std::size_t i = 0; i + 1 < prefixes.size(); ++i) {
    const Prefix& one = prefixes[i];
    const Prefix& two = prefixes[i + 1];
    RC_ASSERT(one.last() < two.first());
    const bool halves_of_one_block =
        one.length() > 0 && one.length() == two.length() && one.family() == two.family() &&
        Prefix(one.first(), one.length() - 1) == Prefix(two.first(), two.length() - 1);
    RC_ASSERT(!halves_of_one_block);
  }
}

RC_GTEST_PROP(AddressSetLaws, DeltaIsWhatIsMissingAndWhatIsTooMuch, ()) {
  const Sample before = AnySample();
  const Sample after = AnySample();
  const Delta delta = DeltaOf(before.set, after.set);
  RC_ASSERT(delta.added.intervals() == World().Intervals(after.bits & ~before.bits));
  RC_ASSERT(delta.removed.intervals() == World().Intervals(before.bits & ~after.bits));
  RC_ASSERT(Union(Subtract(before.set, delta.removed), delta.added) == after.set);
  RC_ASSERT(Subtract(Union(before.set, delta.added), delta.removed) == after.set);
}

RC_GTEST_PROP(AddressSetLaws, FamiliesSplitTheSet, ()) {
  const Sample a = AnySample();
  for (const Family family : {Family::kIPv4, Family::kIPv6}) {
    RC_ASSERT(a.set.OfFamily(family) == Intersect(a.set, AddressSet::Whole(family)));
  }
  RC_ASSERT(Union(a.set.OfFamily(Family::kIPv4), a.set.OfFamily(Family::kIPv6)) == a.set);
}

// Prefixes of every length around the ends, where a mask or a carry could go wrong; no model is
// needed.
RC_GTEST_PROP(AddressSetLaws, OneExceptSplitsABlockAsItsBitsSay, ()) {
  const Address address =
      World().cells()[*rc::gen::inRange<std::size_t>(0, World().cells().size())].first;
  const int bits = BitsOf(address.family());
  const int outer_length = *rc::gen::inRange(0, bits + 1);
  const int inner_length = *rc::gen::inRange(outer_length, bits + 1);
  const AddressSet outer = AddressSet::Of(Prefix(address, outer_length));
  const AddressSet inner = AddressSet::Of(Prefix(address, inner_length));
  const AddressSet rest = Subtract(outer, inner);
  // One sibling block remains for each bit between the two lengths.
  RC_ASSERT(rest.Prefixes().size() == static_cast<std::size_t>(inner_length - outer_length));
  RC_ASSERT(!rest.Contains(address));
  RC_ASSERT(Union(rest, inner) == outer);
  RC_ASSERT(Intersect(rest, inner).empty());
}

}  // namespace
}  // namespace podgate::ipset
