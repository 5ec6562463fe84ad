// The sets of a ruleset that is compiled from scratch: members come from the IR. Pure.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/codegen/lookup_sets.h"
#include "compiler/ir/ir.h"

namespace podgate::compiler {

class SetsFromIr : public LookupSets {
 public:
  // Both must outlive the pool.
  SetsFromIr(const NodeIr& ir, nft::Ruleset* out) : LookupSets(out), ir_(ir) {}

  std::string Pods(const std::set<PodTerm>& terms, Family family) override;
  std::string NamedPorts(const std::vector<NamedPortUse>& uses, Family family) override;

 private:
  const std::string& Add(nft::Set set, std::vector<nft::Element> elements);

  const NodeIr& ir_;
  std::unordered_map<std::string, std::string> names_;  // meaning to name
};

}  // namespace podgate::compiler
