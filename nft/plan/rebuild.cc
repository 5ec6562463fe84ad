#include "nft/plan/rebuild.h"

#include <utility>

#include "nft/plan/diff.h"
#include "nft/plan/intermediate.h"

namespace podgate::nft {
namespace {

// `desired` with free names for all but base chains: the intermediate ruleset for one in which
// nothing can be changed in place.
Ruleset ShadowOf(const Ruleset& applied, const Ruleset& desired) {
  Ruleset obstacles = applied;
  for (const auto& [name, set] : desired.sets) {
    obstacles.sets[name] = Set{name};
    obstacles.sets[name].foreign = "replaced";
  }
  for (const auto& [name, chain] : desired.chains) {
    if (chain.base) continue;
    obstacles.chains[name] = Chain{name};
    obstacles.chains[name].foreign = "replaced";
  }
  return IntermediateBetween(obstacles, desired).value_or(desired);
}

}  // namespace

std::vector<Step> Rebuild(const Ruleset* applied, const Ruleset& desired) {
  if (applied == nullptr) return Diff(nullptr, desired);
  const Ruleset shadow = ShadowOf(*applied, desired);
  std::vector<Step> steps = Diff(applied, shadow);
  for (Step& step : Diff(&shadow, desired)) steps.push_back(std::move(step));
  return steps;
}

}  // namespace podgate::nft
