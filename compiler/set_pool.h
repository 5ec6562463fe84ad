// The sets of one ruleset that rules look addresses up in: each made once, when a rule first needs
// it, under a name that says what belongs to it. Members come and go as elements; what a set means
// never changes under its name. Pure.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/ir.h"
#include "nft/ruleset.h"

namespace podgate::compiler {

// `size` of a hash set is fixed when the kernel makes it. Steps of 16 and twice the need keep a set
// through most changes; a set that outgrows its step is made anew under another name (see
// SizeSuffix).
std::uint32_t SizeFor(std::size_t elements);
// What a set's name ends in: nothing for the smallest size, else for instance "-16384".
std::string SizeSuffix(std::uint32_t size);

nft::Field AddressField(Family family);

// Egress ports by name: the pods among any of the peers that have a port of one of the names, at
// their number.
struct NamedUse {
  std::vector<IrPeer> peers;
  std::vector<std::pair<std::string, Protocol>> ports;
  friend auto operator<=>(const NamedUse&, const NamedUse&) = default;
};

class SetPool {
 public:
  // Both must outlive the pool.
  SetPool(const NodeIr& ir, nft::Ruleset* out);

  // The families that isolated local pods have: no packet of another one is ever judged.
  const std::vector<Family>& families() const { return families_; }
  nft::Ruleset* out() { return out_; }

  // Hash set of the addresses that any of the terms selects. Returns its name, as all below.
  std::string Pods(const std::set<PodTerm>& terms, Family family);
  // Hash set address . protocol . port of all the uses.
  std::string NamedPorts(const std::vector<NamedUse>& uses, Family family);
  // Interval set, named by its content; `block` is of one family, not empty, not the whole family.
  std::string Block(const AddressSet& block);

 private:
  const NodeIr& ir_;
  nft::Ruleset* out_;
  std::vector<Family> families_;
  std::unordered_map<std::string, std::string> names_;  // meaning to name
};

}  // namespace podgate::compiler
