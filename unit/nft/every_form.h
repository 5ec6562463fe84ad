// A ruleset with every form of nft/ruleset.h in it.
#pragma once

#include "nft/ruleset.h"

namespace podgate::nft {

Ruleset EveryForm();

}  // namespace podgate::nft
