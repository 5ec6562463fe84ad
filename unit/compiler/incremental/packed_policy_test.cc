#include "compiler/incremental/packed_policy.h"

#include <gtest/gtest.h>

#include <tuple>

#include "unit/compiler/support/random_cluster.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

bool Same(const NetworkPolicy& a, const NetworkPolicy& b) {
  const auto fields = [](const NetworkPolicy& p) {
    return std::tie(p.key, p.uid, p.pods, p.isolates_ingress, p.isolates_egress, p.ingress,
                    p.egress, p.errors);
  };
  return fields(a) == fields(b);
}

TEST(PackedPolicy, GivesBackWhatItWasMadeFrom) {
  std::vector<NetworkPolicy> policies;
  for (std::uint64_t i = 0; i < 300; ++i) {
    test::Random random(unit::Seed() + i);
    for (auto& [key, policy] : test::RandomCluster(&random).policies) {
      policies.push_back(policy);
      policies.push_back(policy);
      NetworkPolicy& broken = policies.back();
      broken.uid = std::string(300, 'u') + std::string("\0\xff", 2);
      broken.errors = {{.severity = Diagnostic::Severity::kWarning,
                        .file = "f",
                        .line = 70'000,
                        .column = 3,
                        .object = "o",
                        .field = "spec",
                        .message = "m"}};
    }
  }
  ASSERT_GT(policies.size(), 500u);
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const PackedPolicy packed(policies[i]);
    EXPECT_TRUE(Same(policies[i], packed.Unpack())) << policies[i].key.ToString();
    const std::size_t other = (i + 1) % policies.size();
    EXPECT_EQ(Same(policies[i], policies[other]), packed == PackedPolicy(policies[other]));
  }
}

}  // namespace
}  // namespace podgate::compiler
