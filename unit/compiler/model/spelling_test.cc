#include "compiler/model/spelling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace podgate::compiler {
namespace {

using Words = std::vector<std::string>;

TEST(Spelling, NearWordsTheNearestFirst) {
  EXPECT_EQ((Words{"explain"}), NearSpellings("exlpain", {"dry-run", "explain", "run"}));
  EXPECT_EQ((Words{"n1", "n2"}), NearSpellings("n3", {"n1", "n2", "other"}));
  EXPECT_EQ((Words{"worker-1", "worker-22"}),
            NearSpellings("worker-1x", {"worker-22", "worker-1"}));
  EXPECT_EQ((Words{"abcdef"}), NearSpellings("abcdfe", {"abxxxf", "abcdef"}, 1));
  EXPECT_EQ(3U, NearSpellings("n", {"a", "b", "c", "d"}).size());
  EXPECT_TRUE(NearSpellings("matrix", {"explain", "run"}).empty());
  EXPECT_TRUE(NearSpellings("", {"explain"}).empty());
}

// The distance by its definition, letter by letter, with no table.
std::size_t Slow(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  const std::string_view shorter_a = a.substr(1);
  const std::string_view shorter_b = b.substr(1);
  std::size_t least = std::min({Slow(shorter_a, b) + 1, Slow(a, shorter_b) + 1,
                                Slow(shorter_a, shorter_b) + (a[0] == b[0] ? 0 : 1)});
  if (a.size() > 1 && b.size() > 1 && a[0] == b[1] && a[1] == b[0])
    least = std::min(least, Slow(a.substr(2), b.substr(2)) + 1);
  return least;
}

TEST(Spelling, NearIsWhatTheDefinitionSays) {
  std::mt19937 random(1);
  const auto any = [&](unsigned longest) {
    std::string word;
    for (unsigned left = random() % (longest + 1); left > 0; --left)
      word += static_cast<char>('a' + random() % 3);
    return word;
  };
  for (int round = 0; round < 500; ++round) {
    const std::string word = any(6);
    Words candidates;
    std::vector<std::pair<std::size_t, std::size_t>> near;
    const std::size_t errors = std::max<std::size_t>(word.size() / 3, 1);
    for (std::size_t i = 0; i < 8; ++i) {
      candidates.push_back(any(7));
      if (const std::size_t distance = Slow(word, candidates[i]); distance <= errors)
        near.emplace_back(distance, i);
    }
    std::sort(near.begin(), near.end());
    Words expected;
    for (std::size_t i = 0; i < near.size() && i < 3; ++i)
      expected.push_back(candidates[near[i].second]);
    EXPECT_EQ(expected, NearSpellings(word, candidates)) << word;
  }
  // The widest band there is.
  const std::string word = "abcdefghijklmnop";
  for (const std::size_t errors : {4U, 5U}) {
    for (std::size_t first = 0; first + errors < word.size(); ++first) {
      const std::string with(word.substr(0, first) + std::string(errors, '-') + word.substr(first));
      const std::string without(std::string(word).erase(first, errors));
      const std::string other(std::string(word).replace(first, errors, errors, '-'));
      for (const std::string& candidate : {with, without, other})
        EXPECT_EQ(errors == 4 ? 1U : 0U, NearSpellings(word, {candidate}).size()) << candidate;
    }
  }
  EXPECT_EQ(1U, NearSpellings(word, {"badcfehgijklmnop"}).size());
  EXPECT_EQ(0U, NearSpellings(word, {"badcfehgjiklmnop"}).size());
}

// As many pods as a large cluster has, with names as long as they can be.
TEST(Spelling, OfManyLongNamesToo) {
  const std::string shared(240, 'a');
  Words many(100'000, shared);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] += std::to_string(1'000'000'000 + i);
  const auto start = std::chrono::steady_clock::now();
  // Alike up to the end, from the start on, and only in the middle.
  const Words all{shared + "2000000000", "z" + many[7], "zzz" + shared + "zzz"};
  EXPECT_EQ(3U, NearSpellings(all[0], many).size());
  EXPECT_EQ(Words{many[7]}, NearSpellings(all[1], {many[7]}));
  for (const std::string& word : all) (void)NearSpellings(word, many);
  // Generous: a table of all letters takes minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Spelling, Sentences) {
  EXPECT_EQ("", DidYouMean({}));
  EXPECT_EQ("; did you mean a?", DidYouMean({"a"}));
  EXPECT_EQ("; did you mean a, b or c?", DidYouMean({"a", "b", "c"}));
  EXPECT_EQ("a, b", FirstOf({"a", "b"}, 2));
  EXPECT_EQ("a, b, …", FirstOf({"a", "b", "c"}, 2));
  EXPECT_EQ("node n3 is not in the input; did you mean n1?", UnknownNode("n3", {"n1", "worker"}));
  EXPECT_EQ("node master is not in the input; its nodes are n1, worker",
            UnknownNode("master", {"n1", "worker"}));
  EXPECT_EQ("node n3 is not in the input, and no other node is", UnknownNode("n3", {}));
  Words thousand;
  for (int i = 0; i < 1000; ++i) thousand.push_back("node" + std::to_string(i));
  EXPECT_EQ(
      "node a is not in the input; its nodes are node0, node1, node2, node3, node4, node5, "
      "node6, node7, node8, node9, …",
      UnknownNode("a", thousand));
}

}  // namespace
}  // namespace podgate::compiler
