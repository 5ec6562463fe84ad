// The last resort when the difference fails again and again: everything anew, beside what is there.
// Pure; any thread.
#pragma once

#include <vector>

#include "nft/model/ruleset.h"
#include "nft/model/step.h"

namespace podgate::nft {

// From `applied` to `desired` without relying on any set or chain of `applied` but base chains: all
// that is wanted is made under free names, the base chains flip to it, all that was there is
// deleted, and then the same once more, to the names that are wanted. As with any difference, no
// packet gets a verdict that is neither the old nor the new one. Named counters stay. `applied` is
// null when there is no table.
std::vector<Step> Rebuild(const Ruleset* applied, const Ruleset& desired);

}  // namespace podgate::nft
