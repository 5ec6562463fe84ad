// A rebuild relies on nothing that is there.
#include "nft/plan/rebuild.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "nft/model/step.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"
#include "unit/nft/fake/fake_kernel.h"
#include "unit/nft/support/random_ruleset.h"

namespace podgate::nft {
namespace {

// Names that the step refers to, before anything is swept away.
bool Touches(const Step& step, const std::string& name) {
  return std::any_of(step.operations.begin(), step.operations.end(), [&](const Operation& op) {
    if (const auto* add = std::get_if<AddElements>(&op)) return add->set == name;
    if (const auto* rules = std::get_if<SetRules>(&op)) return rules->chain == name;
    if (const auto* set = std::get_if<AddSet>(&op)) return set->set.name == name;
    if (const auto* chain = std::get_if<AddChain>(&op)) return chain->name == name;
    return false;
  });
}

TEST(RebuildTest, LeadsToTheGoalFromAnywhere) {
  const std::uint32_t seed = SeedOf(14);
  RandomRuleset random(seed);
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", pair " << i);
    const Ruleset from = random.Make();
    const Ruleset to = random.Change(from);
    FakeKernel kernel;
    ASSERT_TRUE(CommitAll(&kernel, Diff(nullptr, from)).ok());
    const auto steps = Rebuild(&from, to);
    const Status status = CommitAll(&kernel, steps);
    ASSERT_TRUE(status.ok()) << status.message() << Print(steps);
    const auto holds = kernel.Holds(to);
    ASSERT_TRUE(holds.ok() && holds.value()) << Print(steps);
  }
}

TEST(RebuildTest, NothingIsUsedBeforeItIsMadeAnew) {
  const std::uint32_t seed = SeedOf(15);
  RandomRuleset random(seed);
  for (int i = 0; i < 50; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", ruleset " << i);
    const Ruleset ruleset = random.Make();
    FakeKernel kernel;
    ASSERT_TRUE(CommitAll(&kernel, Diff(nullptr, ruleset)).ok());
    ASSERT_TRUE(Diff(&ruleset, ruleset).empty());
    bool swept = false;
    for (const Step& step : Rebuild(&ruleset, ruleset)) {
      swept = swept || step.phase == Phase::kSweep;
      ASSERT_TRUE(kernel.Commit(step).ok()) << Print(std::vector<Step>{step});
      if (swept) continue;
      for (const auto& [name, set] : ruleset.sets) EXPECT_FALSE(Touches(step, name)) << name;
      for (const auto& [name, chain] : ruleset.chains) {
        if (!chain.base) {
          EXPECT_FALSE(Touches(step, name)) << name;
        }
      }
      // No counter goes: it would begin at zero again.
      for (const Operation& op : step.operations) {
        EXPECT_FALSE(std::holds_alternative<DeleteCounter>(op));
      }
    }
    const auto holds = kernel.Holds(ruleset);
    EXPECT_TRUE(holds.ok() && holds.value());
  }
}

TEST(RebuildTest, WithoutATableItIsMade) {
  Ruleset desired;
  desired.chains["forward"] = {"forward", BaseHook{Hook::kForward, -5}, {}};
  FakeKernel kernel;
  ASSERT_TRUE(CommitAll(&kernel, Rebuild(nullptr, desired)).ok());
  const auto holds = kernel.Holds(desired);
  EXPECT_TRUE(holds.ok() && holds.value());
}

}  // namespace
}  // namespace podgate::nft
