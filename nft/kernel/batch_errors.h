// From the errors of a batch to the objects of the step that it was made from, in words. Internal
// to nft/.
#pragma once

#include <vector>

#include "nft/base/status.h"
#include "nft/codec/batch.h"
#include "nft/model/step.h"

namespace podgate::nft {

// One sentence about the first error, and how many more there were.
Status DescribeErrors(const Step& step, const Batch& batch, const std::vector<BatchError>& errors);

// The sentence for a step whose batch was not sent, or whose outcome is unknown.
Status DescribeBatchError(const Step& step, const Status& status);

}  // namespace podgate::nft
