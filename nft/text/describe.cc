#include "nft/text/describe.h"

#include <fmt/format.h>

#include "nft/model/overloaded.h"
#include "nft/text/print.h"

namespace podgate::nft {

std::string Describe(const Operation& operation) {
  return std::visit(Overloaded{[](const AddTable&) { return std::string("the table itself"); },
                               [](const DeleteTable&) { return std::string("the table itself"); },
                               [](const AddCounter& op) { return "counter " + op.name; },
                               [](const DeleteCounter& op) { return "counter " + op.name; },
                               [](const AddSet& op) { return "set " + op.set.name; },
                               [](const DeleteSet& op) { return "set " + op.name; },
                               [](const AddElements& op) { return "set " + op.set; },
                               [](const DeleteElements& op) { return "set " + op.set; },
                               [](const AddChain& op) { return "chain " + op.name; },
                               [](const DeleteChain& op) { return "chain " + op.name; },
                               [](const FlushChain& op) { return "chain " + op.name; },
                               [](const SetRules& op) { return "chain " + op.chain; }},
                    operation);
}

std::string DescribeRule(const SetRules& operation, std::size_t index) {
  return fmt::format("chain {}: rule {} ({})", operation.chain, index + 1,
                     Print(operation.rules[index]));
}

}  // namespace podgate::nft
