// Steps that are divided as far as they can be lead to the same ruleset.
#include "nft/plan/split.h"

#include <gtest/gtest.h>

#include "nft/model/compare.h"
#include "nft/model/step.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"
#include "unit/nft/fake/fake_kernel.h"
#include "unit/nft/support/random_ruleset.h"

namespace podgate::nft {
namespace {

Element Member(std::uint32_t address) {
  return {AddressKey(ipset::Address::FromIPv4(address)), "", std::nullopt};
}

AddElements Members(std::uint32_t count) {
  AddElements add{"peers", {Field::kIpv4Addr}, false, {}};
  for (std::uint32_t i = 0; i < count; ++i) add.elements.push_back(Member(i));
  return add;
}

// How many steps came of it.
int CommitInPieces(FakeKernel* kernel, const Step& step) {
  if (const auto halves = Halves(step)) {
    return CommitInPieces(kernel, halves->front()) + CommitInPieces(kernel, halves->back());
  }
  const Status status = kernel->Commit(step);
  EXPECT_TRUE(status.ok()) << status.message() << Print(std::vector<Step>{step});
  return 1;
}

TEST(SplitTest, PiecesDoTheSameAsTheWhole) {
  const std::uint32_t seed = SeedOf(13);
  RandomRuleset random(seed);
  int steps = 0;
  int pieces = 0;
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", pair " << i);
    const Ruleset from = random.Make();
    const Ruleset to = random.Change(from);
    FakeKernel kernel;
    ASSERT_TRUE(CommitAll(&kernel, Diff(nullptr, from)).ok());
    for (const Step& step : Diff(&from, to)) {
      pieces += CommitInPieces(&kernel, step);
      ++steps;
    }
    const auto held = kernel.Read(to.table);
    ASSERT_TRUE(held.ok() && held.value());
    ASSERT_TRUE(SameForKernel(*held.value(), to)) << Print(Diff(&from, to));
  }
  EXPECT_GT(pieces, 2 * steps);
}

TEST(SplitTest, HalvesAreHalves) {
  const Step step{Phase::kPrepare, "podgate", {AddCounter{"c"}, Members(1000), DeleteSet{"old"}}};
  const auto halves = Halves(step);
  ASSERT_TRUE(halves);
  ASSERT_EQ(halves->size(), 2u);
  const auto& first = std::get<AddElements>(halves->front().operations.back()).elements;
  const auto& second = std::get<AddElements>(halves->back().operations.front()).elements;
  EXPECT_EQ(first.size() + second.size(), 1000u);
  EXPECT_GT(first.size(), 400u);
  EXPECT_GT(second.size(), 400u);
  EXPECT_EQ(first.back(), Member(static_cast<std::uint32_t>(first.size()) - 1));
  EXPECT_EQ(second.front(), Member(static_cast<std::uint32_t>(first.size())));
  EXPECT_TRUE(std::holds_alternative<DeleteSet>(halves->back().operations.back()));
}

TEST(SplitTest, RulesFlipAtOnce) {
  EXPECT_FALSE(Halves({Phase::kFlip, "podgate", {SetRules{"a", {}}, SetRules{"b", {}}}}));
  EXPECT_FALSE(Halves({Phase::kFlip, "podgate", {SetRules{"a", {}}, Members(100)}}));
  EXPECT_FALSE(Halves({Phase::kFlip, "podgate", {DeleteTable{}, AddTable{}}}));
  EXPECT_TRUE(Halves({Phase::kFlip, "podgate", {Members(2)}}));
}

TEST(SplitTest, WhatCannotBeDivided) {
  EXPECT_FALSE(Halves({Phase::kPrepare, "podgate", {}}));
  EXPECT_FALSE(Halves({Phase::kPrepare, "podgate", {Members(1)}}));
  EXPECT_FALSE(Halves({Phase::kSweep, "podgate", {SetRules{"a", std::vector<Rule>(1000)}}}));
  EXPECT_TRUE(Halves({Phase::kPrepare,
                      "podgate",
                      {SetRules{"a", std::vector<Rule>(1000)}, AddChain{"b", std::nullopt}}}));
}

}  // namespace
}  // namespace podgate::nft
