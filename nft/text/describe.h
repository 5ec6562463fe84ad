// What an operation is about, in the words of error messages. Internal to nft/. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "nft/model/step.h"

namespace podgate::nft {

// "set peers4-x", "chain forward".
std::string Describe(const Operation& operation);
// "chain forward: rule 3 (ct state established accept)".
std::string DescribeRule(const SetRules& operation, std::size_t index);

}  // namespace podgate::nft
