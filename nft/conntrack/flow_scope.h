// Which established flows a change of the rules may deny, so that those can be looked at first,
// and found without going through all of conntrack.
//
// Pure values; any thread.
#pragma once

#include <compare>
#include <cstddef>
#include <set>

#include "ipset/address.h"
#include "nft/conntrack/flow.h"
#include "nft/model/change.h"
#include "nft/model/ruleset.h"

namespace podgate::nft {

// All flows with this address at one end: as the source of their first packet, or as its
// destination after DNAT.
struct FlowEnd {
  ipset::Address address;
  Side side = Side::kSource;
  friend auto operator<=>(const FlowEnd&, const FlowEnd&) = default;
};

class FlowScope {
 public:
  // Each end costs a walk in the kernel over all entries, some 15 to 25 ms where there are 150,000;
  // handing all of them out costs ten times that. With more ends than this the scope is all flows.
  static constexpr std::size_t kMostEnds = 4;

  FlowScope() = default;  // no flows
  static FlowScope All();

  void Add(const FlowEnd& end);
  void Add(const FlowScope& other);
  void AddAll();

  bool empty() const { return !all_ && ends_.empty(); }
  bool all() const { return all_; }
  const std::set<FlowEnd>& ends() const { return ends_; }  // empty if all()
  bool Contains(const Flow& flow) const;
  friend bool operator==(const FlowScope&, const FlowScope&) = default;

 private:
  bool all_ = false;
  std::set<FlowEnd> ends_;
};

// The flows whose first packet was allowed before the change and could be denied after it. `after`:
// the ruleset with the change in it. Flows that another flow announced are judged by that one, so
// they may be denied without being in the scope. Takes time in proportion to the rules.
FlowScope ScopeOf(const Change& change, const Ruleset& after);

}  // namespace podgate::nft
