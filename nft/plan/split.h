// A step that is too big for one batch, in two. Internal to nft/. Pure; any thread.
#pragma once

#include <optional>
#include <vector>

#include "nft/model/step.h"

namespace podgate::nft {

// Two steps that together do what the one does, about half of it each. nullopt where a packet could
// notice the time between them, which is a flip of rules (elements have no generation, so that a
// packet may see them one by one anyway), and for what cannot be divided.
std::optional<std::vector<Step>> Halves(const Step& step);

}  // namespace podgate::nft
