// The sets that the rules of one ruleset look addresses up in: each made once, when a rule first
// needs it, under a name that says what belongs to it. Members come and go as elements; what a set
// means never changes under its name. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/ir/ir.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

// Egress ports by name: the pods among any of the peers that have a port of one of the names, at
// their number.
struct NamedUse {
  std::vector<IrPeer> peers;
  std::vector<std::pair<std::string, Protocol>> ports;
  friend auto operator<=>(const NamedUse&, const NamedUse&) = default;
};

class SetPool {
 public:
  // Chains, counters, maps and sets of blocks go to `out`, which must outlive the pool.
  explicit SetPool(nft::Ruleset* out) : out_(out) {}
  virtual ~SetPool() = default;
  SetPool(const SetPool&) = delete;
  SetPool& operator=(const SetPool&) = delete;

  nft::Ruleset* out() { return out_; }

  // Hash set of the addresses that any of the terms selects. Returns its name, as all below.
  virtual std::string Pods(const std::set<PodTerm>& terms, Family family) = 0;
  // Hash set address . protocol . port of all the uses.
  virtual std::string NamedPorts(const std::vector<NamedUse>& uses, Family family) = 0;
  // Interval set, named by its content; `block` is of one family, not empty, not the whole family.
  std::string Block(const AddressSet& block);

 private:
  nft::Ruleset* out_;
};

}  // namespace podgate::compiler
