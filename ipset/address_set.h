// Sets of addresses as sorted, disjoint, non-adjacent closed intervals; both families may be in one
// set.
//
// The canonical form makes equality of sets equality of values. All operations are pure, linear in
// the number of intervals (Of: n log n), and safe from any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ipset/address.h"

namespace podgate::ipset {

// Closed: both ends belong to it; both have the same family, first <= last.
struct Interval {
  Address first;
  Address last;
  friend auto operator<=>(const Interval&, const Interval&) = default;
  friend bool operator==(const Interval&, const Interval&) = default;
};

class AddressSet {
 public:
  AddressSet() = default;
  static AddressSet Of(std::span<const Prefix> prefixes);
  static AddressSet Of(const Prefix& prefix);
  // Any order, may overlap. An interval with first > last, or with ends of two families, holds
  // nothing.
  static AddressSet OfIntervals(std::vector<Interval> intervals);
  static AddressSet Whole(Family family);

  bool empty() const { return intervals_.empty(); }
  bool Contains(const Address& address) const;
  // Sorted; IPv4 before IPv6.
  const std::vector<Interval>& intervals() const { return intervals_; }
  AddressSet OfFamily(Family family) const;
  // The fewest prefixes that cover exactly this set, sorted.
  std::vector<Prefix> Prefixes() const;
  // Prefixes joined with ", ".
  std::string ToString() const;

  friend bool operator==(const AddressSet&, const AddressSet&) = default;
  friend auto operator<=>(const AddressSet&, const AddressSet&) = default;

 private:
  std::vector<Interval> intervals_;
  friend AddressSet Union(const AddressSet&, const AddressSet&);
  friend AddressSet Subtract(const AddressSet&, const AddressSet&);
  friend AddressSet Intersect(const AddressSet&, const AddressSet&);
};

AddressSet Union(const AddressSet& a, const AddressSet& b);
AddressSet Subtract(const AddressSet& a, const AddressSet& b);  // a without b
AddressSet Intersect(const AddressSet& a, const AddressSet& b);

struct Delta {
  AddressSet added;
  AddressSet removed;
};
// What turns `before` into `after`.
Delta DeltaOf(const AddressSet& before, const AddressSet& after);

}  // namespace podgate::ipset
