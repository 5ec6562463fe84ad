#include "compiler/model/spelling.h"

#include <gtest/gtest.h>

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
