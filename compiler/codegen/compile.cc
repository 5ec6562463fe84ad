// Read from here downwards; each file calls only files further down.
//
//   base_chains                    hooks and deny chains: what no cluster state changes
//   sets_from_ir                   the members of the sets that rules look up
//   class_chain                    what the policies of a class of pods allow, up to a few rules
//     bounded_form                 the same for many rules: ports are looked up in maps
//       peer_group               the peers allowed at a piece of the ports
//     block_plan                   ipBlocks, prefix by prefix or by set
//   table_comment                  which node's table it is
//   dispatch                       from a pod's address to the chain of its class
//   lookup_sets, set_definitions   sets: who asks for them; their names, sizes, comments
//   rule_origin, direction, names  spelling of rules; ingress and egress; names of objects
#include "compiler/codegen/compile.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "compiler/codegen/base_chains.h"
#include "compiler/codegen/class_chain.h"
#include "compiler/codegen/direction.h"
#include "compiler/codegen/dispatch.h"
#include "compiler/codegen/sets_from_ir.h"

namespace podgate::compiler {
namespace {

void AddChain(nft::Chain chain, nft::Ruleset* out) {
  std::string name = chain.name;
  out->chains.emplace(std::move(name), std::move(chain));
}

void AddSet(nft::Set set, std::vector<nft::Element> elements, nft::Ruleset* out) {
  std::sort(elements.begin(), elements.end());
  set.elements = std::move(elements);
  std::string name = set.name;
  out->sets.emplace(std::move(name), std::move(set));
}

// The chains of the addresses of one family that are isolated in the direction, and the two sets
// that lead to them. Returns the sets' definitions.
Dispatch AddAddresses(const NodeIr& ir, const std::vector<std::string>& class_chains,
                      Direction direction, Family family, nft::Ruleset* out) {
  std::vector<nft::Element> map;
  std::vector<nft::Element> guard;
  const auto add = [&](const std::vector<ObjectKey>& pods, const Address& address,
                       const auto& isolated) {
    const int number =
        direction == Direction::kIngress ? isolated.ingress_class : isolated.egress_class;
    if (number < 0 || address.family() != family) return;
    AddChain(AddressChain(direction, pods, address, class_chains.at(number)), out);
    map.push_back(DispatchElement(direction, address));
    guard.push_back(GuardElement(address));
  };
  for (const IsolatedPod& pod : ir.pods)
    for (const Address& address : pod.addresses) add({pod.key}, address, pod);
  for (const SharedAddress& shared : ir.shared) add(shared.pods, shared.address, shared);
  Dispatch dispatch = DefineDispatch(direction, family, map.size());
  AddSet(dispatch.map, std::move(map), out);
  AddSet(dispatch.guard, std::move(guard), out);
  return dispatch;
}

}  // namespace

nft::Ruleset Compile(const NodeIr& ir, const CompileOptions& options) {
  nft::Ruleset out = BaseChains(ir.node, options);
  SetsFromIr sets(ir, &out);
  std::vector<std::string> class_chains;
  for (const PolicyClass& c : ir.classes) class_chains.push_back(CompileClass(c, &sets));
  for (const Direction direction : kDirections) {
    std::array<Dispatch, kFamilies.size()> dispatch;
    bool isolates = false;
    for (std::size_t i = 0; i < kFamilies.size(); ++i) {
      dispatch[i] = AddAddresses(ir, class_chains, direction, kFamilies[i], &out);
      isolates = isolates || !out.sets.at(dispatch[i].map.name).elements.empty();
    }
    const auto& groups = isolates ? options.groups : std::vector<ipset::Prefix>();
    AddChain(DispatchChain(direction, dispatch, groups), &out);
  }
  return out;
}

}  // namespace podgate::compiler
