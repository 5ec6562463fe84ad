// What is written by netlink, or loaded by nft from the printed text, must come back as what was
// wanted.
#include <cstdio>

#include "nft/print.h"
#include "random_ruleset.h"
#include "real_kernel.h"

namespace podgate::nft {
namespace {

using RoundTripTest = RealKernelTest;

TEST_F(RoundTripTest, RandomRulesets) {
  const std::uint32_t seed = SeedOf(1);
  RandomRuleset random(seed);
  for (int i = 0; i < 150; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", ruleset " << i);
    const Ruleset wanted = random.Make();

    EnterNewNamespace();
    const Status status = Bring(wanted);
    ASSERT_TRUE(status.ok()) << status.message() << "\n" << Print(wanted);
    ASSERT_EQ(DifferenceText(ReadBack(), wanted), "same");

    EnterNewNamespace();
    const std::string text = Print(wanted);
    ASSERT_EQ(LoadWithNft(text), "") << text;
    ASSERT_EQ(DifferenceText(ReadBack(), wanted), "same") << text;
    const std::string listed = ListWithNft();
    ASSERT_EQ(LoadWithNft(text), "") << text;
    ASSERT_EQ(ListWithNft(), listed);
    ASSERT_TRUE(Diff(&wanted, ReadBack()).empty());
  }
}

}  // namespace
}  // namespace podgate::nft
