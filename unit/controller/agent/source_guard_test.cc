#include "controller/agent/source_guard.h"

#include <gtest/gtest.h>

#include "compiler/codegen/link_guard.h"
#include "nft/plan/diff.h"
#include "unit/controller/base/fake_clock.h"
#include "unit/nft/fake/fake_kernel.h"

namespace podgate::controller {
namespace {

compiler::LinkOwner Owner(int index) {
  return {.index = index,
          .device = "veth" + std::to_string(index),
          .pod = {"d", "pod" + std::to_string(index)},
          .uid = "u",
          .mac = {0x02, 0, 0, 0, 0, static_cast<std::uint8_t>(index)},
          .addresses = {*ipset::Address::Parse("10.1.0." + std::to_string(index))}};
}

struct World {
  nft::FakeKernel kernel;
  FakeClock clock;
  std::string logged;
  Logger log{Logger::Format::kText, LogLevel::kDebug,
             [this](std::string_view line) { logged += line; }};
  SourceGuard guard{"n1", &kernel, &clock, &log};

  std::set<std::string> Chains() {
    const auto table = kernel.Read("podgate");
    std::set<std::string> names;
    if (!table.ok() || !table.value()) return {"no table"};
    for (const auto& [name, chain] : table.value()->chains)
      if (chain.base) names.insert(name);
    return names;
  }
};

TEST(SourceGuard, WritesNothingBeforeItIsTold) {
  World world;
  world.guard.Tick();
  EXPECT_EQ(world.Chains(), std::set<std::string>{"no table"});
  world.guard.Follow({});
  EXPECT_TRUE(world.Chains().empty());
}

TEST(SourceGuard, FollowsTheOwners) {
  World world;
  world.guard.Follow({Owner(4), Owner(5)});
  EXPECT_EQ(world.guard.links(), 2U);
  EXPECT_TRUE(world.guard.applier().settled());
  EXPECT_EQ(world.Chains(), (std::set<std::string>{"link-4", "link-5"}));
  world.guard.Follow({Owner(5)});
  EXPECT_EQ(world.Chains(), (std::set<std::string>{"link-5"}));
  const std::uint64_t steps = world.guard.applier().counters().steps;
  world.guard.Follow({Owner(5)});
  EXPECT_EQ(world.guard.applier().counters().steps, steps);
}

// As kernels before 6.16 have it.
TEST(SourceGuard, AChainThatWentWithItsDeviceIsNoFailure) {
  World world;
  world.guard.Follow({Owner(4), Owner(5)});
  const nft::Ruleset before = compiler::LinkGuard("n1", {Owner(4), Owner(5)});
  for (const nft::Step& step : nft::Diff(&before, compiler::LinkGuard("n1", {Owner(5)})))
    ASSERT_TRUE(world.kernel.Commit(step).ok());
  world.logged.clear();
  world.guard.Follow({Owner(5)});
  EXPECT_TRUE(world.guard.applier().settled());
  EXPECT_EQ(world.guard.applier().counters().failures, 0U);
  EXPECT_EQ(world.logged, "");
}

}  // namespace
}  // namespace podgate::controller
