// The node in the table's comment, and the way back.
#include "compiler/codegen/table_comment.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "unit/compiler/support/world.h"

namespace podgate::compiler {
namespace {

TEST(TableComment, NamesTheNode) {
  EXPECT_EQ(TableComment("worker-1"), "NetworkPolicy of node worker-1, kept up to date by Podgate");
  EXPECT_EQ(NodeOfTable(TableComment("worker-1")), "worker-1");
  EXPECT_EQ(NodeInComment("worker-1.example.test"), "worker-1.example.test");
}

TEST(TableComment, LongNamesFitAndDiffer) {
  // A node's name is a DNS subdomain: up to 253 bytes.
  std::set<std::string> comments;
  for (const std::size_t size : {77u, 78u, 79u, 128u, 252u, 253u}) {
    for (const char last : {'a', 'b'}) {
      const std::string name = std::string(size - 1, 'n') + last;
      const std::string comment = TableComment(name);
      EXPECT_LE(comment.size(), nft::kMaxCommentBytes) << comment;
      EXPECT_TRUE(comments.insert(comment).second) << comment;
      EXPECT_EQ(NodeOfTable(comment), NodeInComment(name));
      EXPECT_TRUE(NodeInComment(name).starts_with("nnnnnnnnnn"));
      EXPECT_EQ(NodeInComment(name) == name, size <= 78) << size;
    }
  }
}

TEST(TableComment, NamesThatNoNodeHasAreQuotable) {
  std::set<std::string> comments;
  for (const char* name :
       {"a b", "a\"b", "a\nb", "a-b", "a_b", "ä", ", kept up to date by Podgate"}) {
    const std::string comment = TableComment(name);
    EXPECT_TRUE(comments.insert(comment).second) << comment;
    EXPECT_EQ(comment.find_first_of("\"\n\\"), std::string::npos) << comment;
    EXPECT_EQ(NodeOfTable(comment), NodeInComment(name));
  }
}

TEST(TableComment, OthersNameNoNode) {
  for (const char* comment :
       {"", "NetworkPolicy of this node, kept up to date by Podgate", "somebody's table",
        "NetworkPolicy of node ", "NetworkPolicy of node , kept up to date by Podgate",
        "NetworkPolicy of node n1"})
    EXPECT_EQ(NodeOfTable(comment), std::nullopt) << comment;
}

TEST(TableComment, CountsIsolatedPods) {
  EXPECT_EQ(IsolatedPods(nft::Ruleset()), 0u);
  test::World w;
  w.AddNamespace("shop");
  w.AddPod("shop/web", "n1", {{"app", "web"}}, {"10.1.0.1", "fd00::1"});
  w.AddPod("shop/db", "n1", {{"app", "db"}}, {"10.1.0.2"});
  w.AddPod("shop/free", "n1", {}, {"10.1.0.3"});
  w.AddPod("shop/far", "n2", {{"app", "web"}}, {"10.2.0.1"});
  w.Ingress("shop/web", test::Select({{"app", "web"}}), {});
  w.Egress("shop/web-out", test::Select({{"app", "web"}}), {});
  w.Egress("shop/db-out", test::Select({{"app", "db"}}), {});
  EXPECT_EQ(IsolatedPods(Compile(BuildIr(w.cluster, "n1"))),
            2u);  // in both directions and families
  EXPECT_EQ(IsolatedPods(Compile(BuildIr(w.cluster, "n2"))), 1u);
  EXPECT_EQ(IsolatedPods(Compile(BuildIr(w.cluster, "n3"))), 0u);
}

}  // namespace
}  // namespace podgate::compiler
