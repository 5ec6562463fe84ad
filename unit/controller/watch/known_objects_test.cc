// What a namespace has too much of falls on its own largest objects, in any order of events.
#include "controller/watch/known_objects.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "unit/support/seed.h"

namespace podgate::controller {
namespace {

using compiler::ObjectKey;
using Fit = KnownObjects::Fit;

TEST(KnownObjects, TheLargestOfANamespaceLoseFirst) {
  KnownObjects known(
      {.objects = 100, .namespace_objects = 10, .bytes = 1000, .namespace_bytes = 100});
  EXPECT_EQ(known.Add({"a", "small"}, 10), Fit::kWhole);
  EXPECT_EQ(known.Add({"a", "large"}, 85), Fit::kWhole);
  EXPECT_EQ(known.Add({"b", "other"}, 100), Fit::kWhole);
  // Another small one pushes the large one out.
  EXPECT_EQ(known.Add({"a", "too"}, 10), Fit::kWhole);
  EXPECT_EQ(known.TakeLost(), (std::vector<ObjectKey>{{"a", "large"}}));
  EXPECT_TRUE(known.TakeLost().empty());
  EXPECT_EQ(known.Add({"a", "huge"}, 1'000'000), Fit::kEmptied);
  EXPECT_TRUE(known.TakeLost().empty());
  EXPECT_FALSE(known.regained());
  EXPECT_TRUE(known.Remove({"a", "too"}));
  EXPECT_TRUE(known.regained());
  EXPECT_FALSE(known.Remove({"a", "too"}));
}

TEST(KnownObjects, AnObjectThatFitsAgainIsWholeAtOnce) {
  KnownObjects known(
      {.objects = 100, .namespace_objects = 10, .bytes = 1000, .namespace_bytes = 100});
  EXPECT_EQ(known.Add({"a", "a"}, 101), Fit::kEmptied);
  EXPECT_EQ(known.Add({"a", "a"}, 100), Fit::kWhole);
  EXPECT_FALSE(known.regained()) << "it has been told";
}

TEST(KnownObjects, SharesAreHalvedUntilAllFit) {
  KnownObjects known(
      {.objects = 100, .namespace_objects = 10, .bytes = 300, .namespace_bytes = 100});
  for (const char* ns : {"a", "b", "c"}) EXPECT_EQ(known.Add({ns, "x"}, 90), Fit::kWhole);
  EXPECT_EQ(known.Add({"d", "x"}, 20), Fit::kWhole);
  EXPECT_TRUE(known.TakeLost().empty());
  // 90 + 90 + 90 + 20 + 20 is too much: of those above 50 each loses.
  EXPECT_EQ(known.Add({"e", "x"}, 20), Fit::kWhole);
  EXPECT_EQ(known.TakeLost().size(), 3u);
  EXPECT_TRUE(known.Remove({"a", "x"}));
  EXPECT_TRUE(known.regained());
}

TEST(KnownObjects, MoreThanANumberAreNotKnown) {
  KnownObjects known(
      {.objects = 4, .namespace_objects = 3, .bytes = 1000, .namespace_bytes = 1000});
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(known.Add({"a", name}, 1), Fit::kWhole);
  EXPECT_EQ(known.Add({"a", "d"}, 1), Fit::kNotAtAll);
  EXPECT_EQ(known.Add({"a", "c"}, 2), Fit::kWhole);
  EXPECT_EQ(known.Add({"b", "a"}, 1), Fit::kWhole);
  EXPECT_EQ(known.Add({"c", "a"}, 1), Fit::kNotAtAll);
  EXPECT_EQ(known.size(), 4u);
}

TEST(KnownObjects, WhatIsUsualIsFreeAndTheSmallestHaveAPrice) {
  KnownObjects pods({.objects = 1000,
                     .namespace_objects = 1000,
                     .bytes = 100,
                     .namespace_bytes = 100,
                     .free = 50});
  for (int i = 0; i < 500; ++i) EXPECT_EQ(pods.Add({"a", fmt::format("{}", i)}, 50), Fit::kWhole);
  EXPECT_EQ(pods.Add({"a", "large"}, 151), Fit::kEmptied);
  KnownObjects policies({.objects = 1000,
                         .namespace_objects = 1000,
                         .bytes = 1000,
                         .namespace_bytes = 100,
                         .least = 10});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(policies.Add({"a", fmt::format("{}", i)}, 1), Fit::kWhole);
  EXPECT_EQ(policies.Add({"a", "one more"}, 1), Fit::kEmptied);
}

// Whatever came and went before, the same objects lose: every node, restarted or not, agrees.
TEST(KnownObjects, WhoLosesDependsOnWhatIsThereOnly) {
  SCOPED_TRACE(unit::SeedNote());
  std::mt19937_64 random(unit::Seed());
  const KnownObjects::Limits limits{.objects = 1000,
                                    .namespace_objects = 1000,
                                    .bytes = 1200,
                                    .namespace_bytes = 300,
                                    .least = 5};
  KnownObjects known(limits);
  std::map<ObjectKey, std::size_t> there;
  std::set<ObjectKey> emptied;  // as somebody sees it who listens
  for (int round = 0; round < 4000; ++round) {
    ObjectKey key{fmt::format("n{}", random() % 9), fmt::format("o{}", random() % 12)};
    if (random() % 3 == 0) {
      EXPECT_EQ(known.Remove(key), there.erase(key) == 1);
      emptied.erase(key);
    } else {
      there[key] = random() % 4 == 0 ? random() % 400 : random() % 40;
      const Fit fit = known.Add(key, there[key]);
      ASSERT_NE(fit, Fit::kNotAtAll);
      if (fit == Fit::kEmptied) {
        emptied.insert(key);
      } else {
        emptied.erase(key);
      }
    }
    for (const ObjectKey& lost : known.TakeLost()) EXPECT_TRUE(emptied.insert(lost).second);
    // From scratch, in another order.
    std::vector<ObjectKey> keys;
    for (const auto& [each, bytes] : there) keys.push_back(each);
    std::shuffle(keys.begin(), keys.end(), random);
    KnownObjects fresh(limits);
    for (const ObjectKey& each : keys) fresh.Add(each, there[each]);
    std::set<ObjectKey> expected;
    std::size_t whole = 0;
    for (const ObjectKey& each : keys) {
      if (fresh.Add(each, there[each]) == Fit::kEmptied) {
        expected.insert(each);
      } else {
        whole += std::max<std::size_t>(there[each], limits.least);
      }
    }
    EXPECT_LE(whole, limits.bytes);
    // What fits again is not told one by one: a list brings it.
    for (const ObjectKey& each : expected) EXPECT_TRUE(emptied.contains(each)) << each.ToString();
    if (known.regained()) {
      known.ForgetRegained();
      std::erase_if(emptied, [&](const ObjectKey& each) { return !expected.contains(each); });
    }
    EXPECT_EQ(emptied, expected);
  }
}

}  // namespace
}  // namespace podgate::controller
