#include "compiler/codegen/compile.h"

#include <algorithm>
#include <array>

#include "compiler/codegen/base_chains.h"
#include "compiler/codegen/class_chain.h"
#include "compiler/codegen/sets_from_ir.h"

namespace podgate::compiler {
namespace {

// The addresses of one family that are isolated in the direction, with their chains.
void AddAddresses(const NodeIr& ir, const std::vector<std::string>& class_chains,
                  Direction direction, Family family, Dispatch* dispatch, nft::Ruleset* out) {
  for (const IsolatedPod& pod : ir.pods) {
    const int number = direction == Direction::kIngress ? pod.ingress_class : pod.egress_class;
    if (number < 0) continue;
    for (const Address& address : pod.addresses) {
      if (address.family() != family) continue;
      nft::Chain chain = AddressChain(direction, pod.key, address, class_chains.at(number));
      std::string name = chain.name;
      out->chains.emplace(std::move(name), std::move(chain));
      dispatch->map.elements.push_back(DispatchElement(direction, address));
      dispatch->guard.elements.push_back(GuardElement(address));
    }
  }
  std::sort(dispatch->map.elements.begin(), dispatch->map.elements.end());
  std::sort(dispatch->guard.elements.begin(), dispatch->guard.elements.end());
}

}  // namespace

nft::Ruleset Compile(const NodeIr& ir, const CompileOptions& options) {
  nft::Ruleset out = FixedFrame(options);
  IrSetPool sets(ir, &out);
  std::vector<std::string> class_chains;
  for (const PolicyClass& c : ir.classes) class_chains.push_back(CompileClass(c, &sets));
  for (const Direction direction : kDirections) {
    std::array<Dispatch, kFamilies.size()> dispatch;
    for (std::size_t i = 0; i < kFamilies.size(); ++i) {
      Dispatch found;
      AddAddresses(ir, class_chains, direction, kFamilies[i], &found, &out);
      dispatch[i] = DispatchHeads(direction, kFamilies[i], found.map.elements.size());
      dispatch[i].map.elements = std::move(found.map.elements);
      dispatch[i].guard.elements = std::move(found.guard.elements);
    }
    nft::Chain chain = DispatchChain(direction, dispatch);
    std::string name = chain.name;
    out.chains.emplace(std::move(name), std::move(chain));
    for (Dispatch& heads : dispatch) {
      for (nft::Set* set : {&heads.map, &heads.guard}) {
        std::string set_name = set->name;
        out.sets.emplace(std::move(set_name), std::move(*set));
      }
    }
  }
  return out;
}

}  // namespace podgate::compiler
