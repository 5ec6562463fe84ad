// What one namespace may cost, by the agent's memory and by --limits.
#include "controller/cli/limits.h"

#include <gtest/gtest.h>

#include "controller/watch/resource.h"

namespace podgate::controller {
namespace {

constexpr std::size_t kMiB = 1u << 20;

TEST(Limits, WithoutALimitOfMemoryTheDefaultsCount) {
  const Limits limits = LimitsFor(std::nullopt, {});
  EXPECT_EQ(limits.policies.bytes, kNetworkPolicies.limits.bytes);
  EXPECT_EQ(limits.policies.namespace_bytes, 4 * kMiB);
  EXPECT_EQ(limits.policies.namespace_objects, 5000U);
  EXPECT_EQ(limits.policies.least, kNetworkPolicies.limits.least);
  EXPECT_EQ(limits.pods.namespace_bytes, 4 * kMiB);
  EXPECT_EQ(limits.pods.free, 4096U);
  EXPECT_EQ(limits.namespaces.bytes, 64 * kMiB);
  EXPECT_EQ(limits.rules.sets, 1024U);
  EXPECT_EQ(limits.rules.elements, 131'072U);
}

TEST(Limits, AnEighthOfTheMemoryIsForEachKind) {
  const Limits chart = LimitsFor(128 * kMiB, {});
  for (const KnownObjects::Limits& limits : {chart.policies, chart.pods}) {
    EXPECT_EQ(limits.bytes, 16 * kMiB);
    EXPECT_EQ(limits.namespace_bytes, 4 * kMiB);
  }
  EXPECT_EQ(chart.namespaces.bytes, 16 * kMiB);
  EXPECT_EQ(chart.rules.elements, 32'768U);
  EXPECT_EQ(chart.rules.total_elements, 95'869U);
  const Limits small = LimitsFor(64 * kMiB, {});
  EXPECT_EQ(small.policies.bytes, 8 * kMiB);
  EXPECT_EQ(small.policies.namespace_bytes, 2 * kMiB);
  EXPECT_EQ(small.rules.elements, 16'384U);
  EXPECT_EQ(LimitsFor(4096 * kMiB, {}).pods.bytes, 64 * kMiB);
}

TEST(Limits, AnAdministratorMayRaiseThem) {
  LimitOptions options;
  EXPECT_EQ(ParseLimits("policies=7,policy-mib=40", &options), "");
  EXPECT_EQ(ParseLimits("pod-mib=3,sets=5,elements=6,policies=8", &options), "");
  const Limits limits = LimitsFor(128 * kMiB, options);
  EXPECT_EQ(limits.policies.namespace_objects, 8U);
  EXPECT_EQ(limits.policies.namespace_bytes, 40 * kMiB);
  EXPECT_EQ(limits.policies.bytes, 40 * kMiB);
  EXPECT_EQ(limits.pods.namespace_bytes, 3 * kMiB);
  EXPECT_EQ(limits.pods.bytes, 16 * kMiB);
  EXPECT_EQ(limits.rules.sets, 5U);
  EXPECT_EQ(limits.rules.elements, 6U);
}

TEST(Limits, SayWhatIsWrongWithThem) {
  LimitOptions options;
  EXPECT_EQ(ParseLimits("policys=7", &options),
            "'policys=7' is not a limit: give NAME=NUMBER with one of the names policies, "
            "policy-mib, pod-mib, sets, elements");
  for (const char* text : {"sets", "=4", " sets=4", "sets=4,,"})
    EXPECT_NE(ParseLimits(text, &options).find("NAME=NUMBER"), std::string::npos) << text;
  for (const char* text :
       {"sets=", "sets=0", "sets=-1", "sets=4k", "sets=1000000001", "sets=99999999999999999999999"})
    EXPECT_NE(ParseLimits(text, &options).find("give a number from 1 to 1000000000"),
              std::string::npos)
        << text;
}

}  // namespace
}  // namespace podgate::controller
