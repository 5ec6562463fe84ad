// Random rulesets that the kernel accepts, and pairs of them that have much in common.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "nft/model/ruleset.h"

namespace podgate::nft {

// The seed of a test: PODGATE_SEED if it is set, else the one given. Printed with every failure.
std::uint32_t SeedOf(std::uint32_t fixed);

class RandomRuleset {
 public:
  explicit RandomRuleset(std::uint32_t seed) : random_(seed) {}

  // Every form of nft/model/ruleset.h comes up sooner or later. The same names come up again and
  // again, so two of these disagree about what a name means.
  Ruleset Make();
  // Like `from` but for a few changes of every kind: elements, rules, definitions, verdicts, hooks.
  Ruleset Change(const Ruleset& from);

  std::uint32_t Below(std::uint32_t limit) { return random_() % limit; }

 private:
  bool OneIn(std::uint32_t n) { return Below(n) == 0; }
  ipset::Address MakeAddress(Family family);
  Element MakeElement(const Set& set, const std::vector<std::string>& targets);
  void FillElements(Set* set, const std::vector<std::string>& targets, std::uint32_t count);
  Set MakeSet(const std::string& name);
  Match MakeMatch(const Ruleset& ruleset, Family family, std::uint8_t protocol);
  Rule MakeRule(const Ruleset& ruleset, const std::vector<std::string>& targets);
  std::vector<std::string> TargetsOf(const Ruleset& ruleset, const std::string& chain) const;
  void MakeRules(Ruleset* ruleset, Chain* chain);
  void DropDangling(Ruleset* ruleset);

  std::mt19937 random_;
};

}  // namespace podgate::nft
