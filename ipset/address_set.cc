#include "ipset/address_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "ipset/number.h"

namespace podgate::ipset {
namespace {

bool HoldsAnAddress(const Interval& interval) {
  return interval.first.family() == interval.last.family() && interval.first <= interval.last;
}

// Whether no address of the family lies between `earlier` and `later`, which does not sort before
// it.
bool TouchesOrOverlaps(const Interval& earlier, const Interval& later) {
  if (later.first <= earlier.last) return true;
  const std::optional<Address> next = earlier.last.Next();
  return next && *next == later.first;
}

// Appends an interval that does not sort before those there, keeping the form canonical.
void Append(const Interval& interval, std::vector<Interval>* intervals) {
  if (intervals->empty() || !TouchesOrOverlaps(intervals->back(), interval)) {
    intervals->push_back(interval);
  } else if (intervals->back().last < interval.last) {
    intervals->back().last = interval.last;
  }
}

// The fewest prefixes of one interval: from its start on, always the largest aligned block that
// still fits. The numbers cannot wrap: the loop ends with the block that reaches `last`.
void AppendPrefixes(const Interval& interval, std::vector<Prefix>* prefixes) {
  const Family family = interval.first.family();
  const int bits = BitsOf(family);
  const Number last = NumberOf(interval.last);
  for (Number first = NumberOf(interval.first);;) {
    const Number rest = Minus(last, first);  // one less than the addresses left
    const bool power = (rest & Plus(rest, Number{0, 1})) == Number{};
    const int fits = power ? Width(rest) : Width(rest) - 1;
    const int host_bits = std::min({TrailingZeros(first), fits, bits});
    prefixes->push_back(Prefix(AddressOf(family, first), bits - host_bits));
    const Number end = first | LowBits(host_bits);
    if (end == last) return;
    first = Plus(end, Number{0, 1});
  }
}

}  // namespace

AddressSet AddressSet::Of(std::span<const Prefix> prefixes) {
  std::vector<Interval> intervals;
  intervals.reserve(prefixes.size());
  for (const Prefix& prefix : prefixes) intervals.push_back({prefix.first(), prefix.last()});
  return OfIntervals(std::move(intervals));
}

AddressSet AddressSet::Of(const Prefix& prefix) { return Of(std::span(&prefix, 1)); }

AddressSet AddressSet::OfIntervals(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end());
  AddressSet set;
  for (const Interval& interval : intervals) {
    if (HoldsAnAddress(interval)) Append(interval, &set.intervals_);
  }
  return set;
}

AddressSet AddressSet::Whole(Family family) { return Of(Prefix::Whole(family)); }

bool AddressSet::Contains(const Address& address) const {
  const auto after =
      std::upper_bound(intervals_.begin(), intervals_.end(), address,
                       [](const Address& a, const Interval& i) { return a < i.first; });
  return after != intervals_.begin() && address <= std::prev(after)->last;
}

AddressSet AddressSet::OfFamily(Family family) const {
  AddressSet set;
  std::copy_if(intervals_.begin(), intervals_.end(), std::back_inserter(set.intervals_),
               [family](const Interval& i) { return i.first.family() == family; });
  return set;
}

std::vector<Prefix> AddressSet::Prefixes() const {
  std::vector<Prefix> prefixes;
  prefixes.reserve(intervals_.size());
  for (const Interval& interval : intervals_) AppendPrefixes(interval, &prefixes);
  return prefixes;
}

std::string AddressSet::ToString() const {
  std::string out;
  for (const Prefix& prefix : Prefixes()) {
    if (!out.empty()) out += ", ";
    out += prefix.ToString();
  }
  return out;
}

AddressSet Union(const AddressSet& a, const AddressSet& b) {
  AddressSet set;
  set.intervals_.reserve(a.intervals_.size() + b.intervals_.size());
  auto i = a.intervals_.begin();
  auto j = b.intervals_.begin();
  while (i != a.intervals_.end() || j != b.intervals_.end()) {
    const bool take_a = j == b.intervals_.end() || (i != a.intervals_.end() && *i < *j);
    Append(take_a ? *i++ : *j++, &set.intervals_);
  }
  return set;
}

AddressSet Subtract(const AddressSet& a, const AddressSet& b) {
  AddressSet set;
  auto hole = b.intervals_.begin();
  for (Interval rest : a.intervals_) {
    while (hole != b.intervals_.end() && hole->last < rest.first) ++hole;
    bool left = true;
    // A hole that reaches beyond this interval may cut the next one too: it is used up only if it
    // ends within this one.
    for (; left && hole != b.intervals_.end() && hole->first <= rest.last; ++hole) {
      if (rest.first < hole->first) {
        set.intervals_.push_back({rest.first, *hole->first.Previous()});
      }
      if (rest.last <= hole->last) {
        left = false;
        break;
      }
      rest.first = *hole->last.Next();
    }
    if (left) set.intervals_.push_back(rest);
  }
  return set;
}

AddressSet Intersect(const AddressSet& a, const AddressSet& b) {
  AddressSet set;
  auto i = a.intervals_.begin();
  auto j = b.intervals_.begin();
  while (i != a.intervals_.end() && j != b.intervals_.end()) {
    const Address& first = std::max(i->first, j->first);
    const Address& last = std::min(i->last, j->last);
    if (first <= last) set.intervals_.push_back({first, last});
    (i->last < j->last ? i : j)++;
  }
  return set;
}

Delta DeltaOf(const AddressSet& before, const AddressSet& after) {
  return {Subtract(after, before), Subtract(before, after)};
}

}  // namespace podgate::ipset
