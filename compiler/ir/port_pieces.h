// Cuts the port ranges of many rules into disjoint pieces, so that one look-up finds all rules that
// a port belongs to. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace podgate::compiler {

struct PortRange {  // inclusive
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend auto operator<=>(const PortRange&, const PortRange&) = default;
};

struct PortPiece {
  PortRange range;
  std::vector<std::size_t> rules;  // sorted indices of the rules that cover it; never empty
  friend auto operator<=>(const PortPiece&, const PortPiece&) = default;
};

// `ranges[i]`: rule i's ranges, in any order, overlapping or not. The pieces are sorted; neighbours
// differ in rules. They hold CountPieces(ranges, 0, …) indices, which is quadratic where ranges
// overlap: count first.
std::vector<PortPiece> CutPorts(const std::vector<std::vector<PortRange>>& ranges);

// Pieces times rules that cover them, `others` being rules that cover every port; nullopt when that
// is more than `most`. Without memory for the pieces.
std::optional<std::size_t> CountPieces(const std::vector<std::vector<PortRange>>& ranges,
                                       std::size_t others, std::size_t most);

}  // namespace podgate::compiler
