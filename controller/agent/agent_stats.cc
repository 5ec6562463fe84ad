#include "controller/agent/agent_stats.h"

namespace podgate::controller {

RulesetSize SizeOf(const nft::Ruleset& ruleset) {
  RulesetSize size;
  size.sets = ruleset.sets.size();
  size.chains = ruleset.chains.size();
  for (const auto& [name, set] : ruleset.sets) size.elements += set.elements.size();
  for (const auto& [name, chain] : ruleset.chains) size.rules += chain.rules.size();
  return size;
}

}  // namespace podgate::controller
