// What a step may ask for. The kernel accepts some forms that do not come back as they were
// written, or that nft's text cannot say; those are refused before they are sent. Internal to nft/.
// Pure; any thread.
#pragma once

#include "nft/base/status.h"
#include "nft/model/step.h"

namespace podgate::nft {

// kInvalid with the first thing that is wrong.
Status CheckExpressible(const Step& step);

}  // namespace podgate::nft
