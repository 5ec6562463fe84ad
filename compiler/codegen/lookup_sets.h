// The sets that the rules of one ruleset look addresses up in: each made once, when a rule first
// needs it, under a name that says what belongs to it. Members come and go as elements; what a set
// means never changes under its name. Pure.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/codegen/set_definitions.h"
#include "compiler/ir/ir.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

class LookupSets {
 public:
  // Chains, counters, maps and sets of blocks go to `out`, which must outlive this object.
  explicit LookupSets(nft::Ruleset* out) : out_(out) {}
  virtual ~LookupSets() = default;
  LookupSets(const LookupSets&) = delete;
  LookupSets& operator=(const LookupSets&) = delete;

  nft::Ruleset* out() { return out_; }
  // The class has been given up, since there is no room for its sets: nothing that is made of it
  // from here on is used.
  virtual bool full() const { return false; }

  // Hash set of the addresses that any of the terms selects. Returns its name, as all below.
  virtual std::string Pods(const std::set<PodTerm>& terms, Family family) = 0;
  // Hash set address . protocol . port of all the uses.
  virtual std::string NamedPorts(const std::vector<NamedPortUse>& uses, Family family) = 0;
  // Interval set, named by its content; `block` is of one family, not empty, not the whole family.
  std::string Block(const AddressSet& block) {
    nft::Set set = BlockSet(block);
    std::string name = set.name;
    return out_->sets.try_emplace(std::move(name), std::move(set)).first->first;
  }

 private:
  nft::Ruleset* out_;
};

}  // namespace podgate::compiler
