#include "compiler/codegen/port_pieces.h"

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

}  // namespace

std::optional<std::vector<PortPiece>> CutPorts(const std::vector<std::vector<PortRange>>& ranges,
                                               std::size_t max_rules) {
  struct Change {
    std::vector<std::size_t> begin;
    std::vector<std::size_t> end;
  };
  std::map<std::uint32_t, Change> changes;  // by the first port that is affected
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    for (const PortRange& range : Merged(ranges[i])) {
      changes[range.first].begin.push_back(i);
      changes[std::uint32_t{range.last} + 1].end.push_back(i);
    }
  }
  std::vector<PortPiece> pieces;
  std::set<std::size_t> active;
  std::uint32_t from = 0;
  std::size_t total = 0;
  for (const auto& [port, change] : changes) {
    if (!active.empty()) {
      total += active.size();
      if (total > max_rules) return std::nullopt;
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

}  // namespace podgate::compiler
