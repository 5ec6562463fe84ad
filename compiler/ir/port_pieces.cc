#include "compiler/ir/port_pieces.h"

#include <algorithm>
#include <map>
#include <set>

namespace podgate::compiler {
namespace {

std::vector<PortRange> Merged(std::vector<PortRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<PortRange> merged;
  for (const PortRange& range : ranges) {
    if (range.first > range.last) continue;
    if (!merged.empty() && range.first <= std::uint32_t{merged.back().last} + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

struct Change {
  std::vector<std::size_t> begin;  // rules
  std::vector<std::size_t> end;
};

// By the first port that is affected.
std::map<std::uint32_t, Change> ChangesOf(const std::vector<std::vector<PortRange>>& ranges) {
  std::map<std::uint32_t, Change> changes;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    for (const PortRange& range : Merged(ranges[i])) {
      changes[range.first].begin.push_back(i);
      changes[std::uint32_t{range.last} + 1].end.push_back(i);
    }
  }
  return changes;
}

}  // namespace

std::vector<PortPiece> CutPorts(const std::vector<std::vector<PortRange>>& ranges) {
  std::vector<PortPiece> pieces;
  std::set<std::size_t> active;
  std::uint32_t from = 0;
  for (const auto& [port, change] : ChangesOf(ranges)) {
    if (!active.empty()) {
      pieces.push_back(
          {.range = {static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(port - 1)},
           .rules = {active.begin(), active.end()}});
    }
    for (const std::size_t rule : change.end) active.erase(rule);
    for (const std::size_t rule : change.begin) active.insert(rule);
    from = port;
  }
  return pieces;
}

std::optional<std::size_t> CountPieces(const std::vector<std::vector<PortRange>>& ranges,
                                       std::size_t others, std::size_t most) {
  std::size_t active = 0;
  std::size_t count = 0;
  for (const auto& [port, change] : ChangesOf(ranges)) {
    if (active > 0) count += active + others;
    if (count > most) return std::nullopt;
    active = active + change.begin.size() - change.end.size();
  }
  return count;
}

}  // namespace podgate::compiler
