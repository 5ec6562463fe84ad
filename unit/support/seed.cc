#include "unit/support/seed.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace podgate::unit {
namespace {

constexpr std::uint64_t kSeed = 20211;

// Hands the seed and the number of tries for each property to RapidCheck, which reads its
// environment at the first property.
class SeedRapidCheck : public testing::Environment {
  void SetUp() override {
    const std::string params = "seed=" + std::to_string(Seed()) + " max_success=1000";
    ASSERT_EQ(setenv("RC_PARAMS", params.c_str(), /*overwrite=*/0), 0);
  }
};

[[maybe_unused]] const testing::Environment* const kRegistered =
    testing::AddGlobalTestEnvironment(new SeedRapidCheck);

}  // namespace

std::uint64_t Seed() {
  const char* text = std::getenv("PODGATE_SEED");
  if (text == nullptr || *text == '\0') return kSeed;
  return std::strtoull(text, nullptr, 10);
}

std::string SeedNote() { return "PODGATE_SEED=" + std::to_string(Seed()) + " repeats this run"; }

}  // namespace podgate::unit
