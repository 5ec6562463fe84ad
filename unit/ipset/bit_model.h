// A small universe of addresses as a set of bits: the obvious model that AddressSet is compared
// with.
//
// The universe of a family is its whole address space, cut into cells: at the first address, at the
// last, and where numbers carry (bytes, and for IPv6 the two halves of 128 bits) every address is a
// cell of its own, and each gap between is one cell. A set is then one bit for each cell, and the
// operations are those of bits.
#pragma once

#include <bitset>
#include <cstddef>
#include <vector>

#include "ipset/address_set.h"

namespace podgate::ipset {

struct Cell {
  Address first;
  Address last;
};

// Both families, sorted; IPv4's cells first.
class Universe {
 public:
  static constexpr std::size_t kMaxCells = 600;
  using Bits = std::bitset<kMaxCells>;

  Universe();

  const std::vector<Cell>& cells() const { return cells_; }
  // The cell's family decides how far an interval from it may reach: one past the family's last
  // cell.
  std::size_t FamilyEnd(std::size_t cell) const;

  // What AddressSet::intervals() must be: maximal runs of set bits within a family.
  std::vector<Interval> Intervals(const Bits& bits) const;
  // The least number of prefixes, counted the slow way: a block that is all in is one prefix, a
  // mixed one is the sum of its halves.
  std::size_t LeastPrefixes(const Bits& bits) const;

 private:
  std::vector<Cell> cells_;
};

}  // namespace podgate::ipset
