// A ruleset with every form of nft/model/ruleset.h in it.
#pragma once

#include "nft/model/ruleset.h"

namespace podgate::nft {

Ruleset EveryForm();

}  // namespace podgate::nft
