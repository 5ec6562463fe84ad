// From errors of a batch back to the objects of the step that it was made from. Internal to nft/.
#pragma once

#include <vector>

#include "nft/base/status.h"
#include "nft/codec/batch.h"
#include "nft/plan/diff.h"

namespace podgate::nft {

// "set peers4-x", "chain forward"; what the operation is about.
std::string Describe(const Operation& operation);
// "chain forward: rule 3 (ct state established accept)".
std::string DescribeRule(const SetRules& operation, std::size_t index);

// One sentence about the first error, and how many more there were.
Status DescribeErrors(const Step& step, const Batch& batch, const std::vector<BatchError>& errors);

// The sentence for a step that was refused as a whole.
Status DescribeBatchError(const Step& step, const Status& status);

}  // namespace podgate::nft
