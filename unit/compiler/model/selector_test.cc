// Selectors: the table of the API's text, canonical form, and the text as a key.

#include "compiler/model/selector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace podgate::compiler {
namespace {

using Op = Requirement::Operator;

LabelSelector Of(std::vector<Requirement> requirements) {
  LabelSelector selector{std::move(requirements)};
  Canonicalise(&selector);
  return selector;
}

TEST(Selector, EmptySelectsEverything) {
  EXPECT_TRUE(Matches({}, {}));
  EXPECT_TRUE(Matches({}, {{"app", "web"}}));
  EXPECT_EQ("", ToString(LabelSelector{}));
}

TEST(Selector, OperatorsOnPresentOtherAndAbsentKeys) {
  const Labels web = {{"app", "web"}};
  const Labels db = {{"app", "db"}};
  const Labels none = {{"other", "web"}};
  struct Case {
    Requirement requirement;
    bool web, db, none;
  };
  const Case cases[] = {
      {{"app", Op::kIn, {"web"}}, true, false, false},
      {{"app", Op::kIn, {"db", "web"}}, true, true, false},
      {{"app", Op::kNotIn, {"web"}}, false, true, true},
      {{"app", Op::kNotIn, {"db", "web"}}, false, false, true},
      {{"app", Op::kExists, {}}, true, true, false},
      {{"app", Op::kDoesNotExist, {}}, false, false, true},
      {{"app", Op::kIn, {}}, false, false, false},
      {{"app", Op::kNotIn, {}}, true, true, true},
  };
  for (const Case& c : cases) {
    const LabelSelector selector{{c.requirement}};
    EXPECT_EQ(c.web, Matches(selector, web)) << ToString(selector);
    EXPECT_EQ(c.db, Matches(selector, db)) << ToString(selector);
    EXPECT_EQ(c.none, Matches(selector, none)) << ToString(selector);
  }
}

TEST(Selector, TheEmptyValueIsAValue) {
  const LabelSelector selector = Of({{"app", Op::kIn, {""}}});
  EXPECT_TRUE(Matches(selector, {{"app", ""}}));
  EXPECT_FALSE(Matches(selector, {}));
}

TEST(Selector, RequirementsAreAnded) {
  const LabelSelector selector = Of({{"app", Op::kIn, {"web"}}, {"tier", Op::kExists, {}}});
  EXPECT_TRUE(Matches(selector, {{"app", "web"}, {"tier", "1"}}));
  EXPECT_FALSE(Matches(selector, {{"app", "web"}}));
  EXPECT_FALSE(Matches(selector, {{"app", "db"}, {"tier", "1"}}));
  // Contradictions select nothing.
  EXPECT_FALSE(
      Matches(Of({{"app", Op::kExists, {}}, {"app", Op::kDoesNotExist, {}}}), {{"app", "x"}}));
}

TEST(Selector, CanonicalFormForgetsOrderAndRepetition) {
  const LabelSelector a = Of({{"b", Op::kIn, {"2", "1", "2"}}, {"a", Op::kExists, {}}});
  const LabelSelector b =
      Of({{"a", Op::kExists, {}}, {"b", Op::kIn, {"1", "2"}}, {"a", Op::kExists, {}}});
  EXPECT_EQ(a, b);
  EXPECT_EQ(2u, a.requirements.size());
  EXPECT_EQ((std::vector<std::string>{"1", "2"}), a.requirements[1].values);
}

TEST(Selector, TextIsKubectls) {
  EXPECT_EQ("app=web,tier in (a,b),!x", ToString(LabelSelector{{{"app", Op::kIn, {"web"}},
                                                                {"tier", Op::kIn, {"a", "b"}},
                                                                {"x", Op::kDoesNotExist, {}}}}));
  EXPECT_EQ("env!=prod,k notin (a,b),x", ToString(LabelSelector{{{"env", Op::kNotIn, {"prod"}},
                                                                 {"k", Op::kNotIn, {"a", "b"}},
                                                                 {"x", Op::kExists, {}}}}));
  EXPECT_EQ("app=", ToString(Of({{"app", Op::kIn, {""}}})));
  EXPECT_EQ("app in (,a)", ToString(Of({{"app", Op::kIn, {"a", ""}}})));
}

TEST(Selector, TextIsAKey) {
  std::mt19937 random(20240607);
  const std::vector<std::string> words = {"", "a", "b", "in", "notin", "a-b"};
  std::map<std::string, LabelSelector> seen;
  for (int i = 0; i < 20000; ++i) {
    LabelSelector selector;
    for (auto n = random() % 3; n > 0; --n) {
      Requirement requirement{words[1 + random() % 5], static_cast<Op>(random() % 4), {}};
      if (requirement.op == Op::kIn || requirement.op == Op::kNotIn) {
        for (auto v = random() % 4; v > 0; --v) requirement.values.push_back(words[random() % 6]);
      }
      selector.requirements.push_back(std::move(requirement));
    }
    Canonicalise(&selector);
    const auto [it, inserted] = seen.emplace(ToString(selector), selector);
    ASSERT_EQ(it->second, selector) << it->first;
  }
  EXPECT_GT(seen.size(), 1000u);
}

TEST(Selector, AgreesWithASlowReading) {
  std::mt19937 random(7);
  const std::vector<std::string> words = {"a", "b", "c"};
  for (int i = 0; i < 20000; ++i) {
    std::map<std::string, std::string> map;
    for (const std::string& key : words) {
      if (random() % 2 == 0) map[key] = words[random() % 3];
    }
    const Labels labels(map.begin(), map.end());
    LabelSelector selector;
    bool expected = true;
    for (auto n = random() % 4; n > 0; --n) {
      Requirement requirement{words[random() % 3], static_cast<Op>(random() % 4), {}};
      if (requirement.op == Op::kIn || requirement.op == Op::kNotIn) {
        for (auto v = 1 + random() % 2; v > 0; --v)
          requirement.values.push_back(words[random() % 3]);
      }
      const bool present = map.count(requirement.key) != 0;
      const bool listed =
          present && std::count(requirement.values.begin(), requirement.values.end(),
                                map[requirement.key]) != 0;
      const bool ok[] = {listed, !listed, present, !present};
      expected = expected && ok[static_cast<int>(requirement.op)];
      selector.requirements.push_back(std::move(requirement));
    }
    Canonicalise(&selector);
    ASSERT_EQ(expected, Matches(selector, labels)) << ToString(selector);
  }
}

}  // namespace
}  // namespace podgate::compiler
