// What `run --dry-run` prints.
#include "controller/cli/printing_kernel.h"

#include <gtest/gtest.h>

#include <string>

namespace podgate::controller {
namespace {

TEST(PrintingKernel, NumbersTheStepsOfAChange) {
  char* bytes = nullptr;
  std::size_t size = 0;
  std::FILE* out = ::open_memstream(&bytes, &size);
  ASSERT_NE(out, nullptr);
  PrintingKernel kernel(out, std::nullopt);
  const auto step = [](nft::Phase phase, nft::Operation operation) {
    return nft::Step{phase, "podgate", {std::move(operation)}};
  };
  const std::vector<nft::Step> change{
      step(nft::Phase::kPrepare, nft::AddChain{"a", std::nullopt}),
      step(nft::Phase::kFlip, nft::SetRules{"a", {}}),
      step(nft::Phase::kSweep, nft::DeleteChain{"b"}),
  };
  EXPECT_TRUE(nft::CommitAll(&kernel, change).ok());
  std::uint32_t generation = kernel.Generation().value();
  EXPECT_EQ(generation, 4U);
  EXPECT_TRUE(nft::CommitAllAt(&generation, &kernel, {change[2]}).ok());
  EXPECT_EQ(generation, 5U);
  EXPECT_EQ(kernel.Generation().value(), 5U);
  std::fclose(out);
  EXPECT_EQ(std::string(bytes, size),
            "# step 1 of 3: prepare\nadd chain inet podgate a\n"
            "# step 2 of 3: flip\nflush chain inet podgate a\n"
            "# step 3 of 3: sweep\ndelete chain inet podgate b\n"
            "# step 1 of 1: sweep\ndelete chain inet podgate b\n");
  std::free(bytes);
}

TEST(PrintingKernel, SaysSoWhenNobodyReads) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  PrintingKernel kernel(full, std::nullopt);
  EXPECT_FALSE(kernel.Commit({nft::Phase::kSweep, "podgate", {nft::DeleteTable{}}}).ok());
  std::fclose(full);
}

}  // namespace
}  // namespace podgate::controller
