// What is done to one table, as values: operations, in steps that the kernel commits one after the
// other, each as one transaction (all of it happens or nothing). Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "nft/model/ruleset.h"

namespace podgate::nft {

struct AddTable {
  std::string comment;
};
struct DeleteTable {};  // first start over a table that is not ours to keep, and cleanup
struct AddCounter {
  std::string name;
};
struct DeleteCounter {
  std::string name;
};
struct AddSet {  // without its elements
  Set set;
};
struct DeleteSet {
  std::string name;
};
struct AddElements {
  std::string set;
  std::vector<Field> key;
  bool interval = false;
  std::vector<Element> elements;
};
struct DeleteElements {
  std::string set;
  std::vector<Field> key;
  bool interval = false;
  std::vector<Element> elements;
};
struct AddChain {  // without its rules
  std::string name;
  std::optional<BaseHook> base;
};
struct DeleteChain {
  std::string name;
};
struct FlushChain {  // the chain exists; it has no rules afterwards
  std::string name;
};
// These rules in this order and no others: the chain is flushed first, unless an earlier operation
// of the step added or flushed it.
struct SetRules {
  std::string chain;
  std::vector<Rule> rules;
};
using Operation =
    std::variant<AddTable, DeleteTable, AddCounter, DeleteCounter, AddSet, DeleteSet, AddElements,
                 DeleteElements, AddChain, DeleteChain, FlushChain, SetRules>;

enum class Phase : std::uint8_t { kPrepare, kFlip, kSweep };

struct Step {
  Phase phase = Phase::kPrepare;
  std::string table;
  std::vector<Operation> operations;  // in the order in which they are written to the batch
  TableFamily family = TableFamily::kInet;
};

}  // namespace podgate::nft
