#include "unit/ipset/bit_model.h"

#include <cstdlib>

namespace podgate::ipset {
namespace {

struct Window {
  const char* first;
  int size;
};

constexpr Window kWindows[] = {
    {"0.0.0.0", 64},
    {"10.0.0.192", 128},  // 10.0.0.192/26 and 10.0.1.0/26
    {"255.255.255.192", 64},
    {"::", 64},
    {"::ffff:ffff:ffff:ffc0", 128},  // across the low and the high half
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffc0", 64},
};

// Counts within one block; `begin` and `end` enclose the cells that may overlap it. A gap cell may
// lie in many blocks: it is in or out as a whole.
std::size_t Least(const std::vector<Cell>& cells, const Universe::Bits& bits, const Prefix& block,
                  std::size_t begin, std::size_t end) {
  const Address last = block.last();
  while (begin < end && cells[begin].last < block.first()) ++begin;
  while (begin < end && last < cells[end - 1].first) --end;
  bool any = false;
  bool all = true;
  for (std::size_t i = begin; i < end; ++i) {
    any = any || bits[i];
    all = all && bits[i];
  }
  if (!any) return 0;
  if (all) return 1;
  const Prefix low(block.first(), block.length() + 1);
  const Prefix high(last, block.length() + 1);
  return Least(cells, bits, low, begin, end) + Least(cells, bits, high, begin, end);
}

}  // namespace

Universe::Universe() {
  std::optional<Address> next;  // the first address not yet in a cell
  for (const Window& window : kWindows) {
    std::optional<Address> at = Address::Parse(window.first);
    if (!next) next = Address::First(at->family());
    if (*next < *at) cells_.push_back({*next, *at->Previous()});
    for (int i = 0; i < window.size; ++i) {
      cells_.push_back({*at, *at});
      at = at->Next();
    }
    next = at;
  }
  // The windows end with the family's last address, so no gap is left; a wrong table must not pass
  // unseen.
  if (next || cells_.size() > kMaxCells) std::abort();
}

std::size_t Universe::FamilyEnd(std::size_t cell) const {
  std::size_t end = cell;
  while (end < cells_.size() && cells_[end].first.family() == cells_[cell].first.family()) ++end;
  return end;
}

std::vector<Interval> Universe::Intervals(const Bits& bits) const {
  std::vector<Interval> intervals;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (!bits[i]) continue;
    const bool joins = i > 0 && bits[i - 1] && FamilyEnd(i - 1) != i;
    if (joins) {
      intervals.back().last = cells_[i].last;
    } else {
      intervals.push_back({cells_[i].first, cells_[i].last});
    }
  }
  return intervals;
}

std::size_t Universe::LeastPrefixes(const Bits& bits) const {
  std::size_t count = 0;
  for (const Family family : {Family::kIPv4, Family::kIPv6}) {
    count += Least(cells_, bits, Prefix::Whole(family), 0, cells_.size());
  }
  return count;
}

}  // namespace podgate::ipset
