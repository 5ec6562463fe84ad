// Small YAML documents as trees: types, places, bounds.
#include "compiler/load/yaml_tree.h"

#include <gtest/gtest.h>

#include <string>

namespace podgate::compiler {
namespace {

using Type = TreeNode::Type;

TreeNode Tree(std::string_view text) {
  const auto result = ReadYamlTree(text);
  const auto* problem = std::get_if<Problem>(&result);
  if (problem == nullptr) return std::get<TreeNode>(result);
  ADD_FAILURE() << text << ": " << problem->message;
  return {};
}

std::string ErrorOf(std::string_view text) {
  const auto result = ReadYamlTree(text);
  const auto* problem = std::get_if<Problem>(&result);
  return problem == nullptr ? "no error"
                            : std::to_string(problem->offset) + ": " + problem->message;
}

TEST(YamlTree, ValuesHaveTypesAndPlaces) {
  const TreeNode root = Tree("a: [x, 7, true, ~]\nb: {c: 'd'}\n");
  ASSERT_EQ(root.type, Type::kObject);
  const TreeNode* list = FindMember(root, "a");
  ASSERT_NE(list, nullptr);
  ASSERT_EQ(list->children.size(), 4u);
  EXPECT_EQ(list->children[0].text, "x");
  EXPECT_EQ(list->children[0].offset, 4u);
  EXPECT_EQ(list->children[1].integer, 7);
  EXPECT_TRUE(list->children[2].boolean);
  EXPECT_EQ(list->children[3].type, Type::kNull);
  const TreeNode* inner = FindMember(root, "b");
  ASSERT_NE(inner, nullptr);
  ASSERT_NE(FindMember(*inner, "c"), nullptr);
  EXPECT_EQ(FindMember(*inner, "c")->text, "d");
  EXPECT_EQ(FindMember(*inner, "c")->offset, 26u);
}

TEST(YamlTree, AMemberThatIsNullIsNone) {
  const TreeNode root = Tree("a: null\n");
  EXPECT_EQ(FindMember(root, "a"), nullptr);
  EXPECT_EQ(FindMember(root, "b"), nullptr);
  EXPECT_EQ(FindMember(Tree("[a]"), "a"), nullptr);
}

TEST(YamlTree, ATextWithoutAValueIsNull) {
  EXPECT_EQ(Tree("").type, Type::kNull);
  EXPECT_EQ(Tree("# nothing\n").type, Type::kNull);
}

TEST(YamlTree, OnlyTheFirstDocumentCounts) {
  EXPECT_NE(FindMember(Tree("a: 1\n---\nb: 2\n"), "a"), nullptr);
}

TEST(YamlTree, KeysAreGivenOnceInEachObject) {
  EXPECT_EQ(ErrorOf("a: 1\nb: {a: 2}\n"), "no error");
  EXPECT_EQ(ErrorOf("a: 1\na: 2\n"), "5: \"a\" is given twice");
}

TEST(YamlTree, DepthAndNumberOfValuesAreBounded) {
  EXPECT_EQ(ErrorOf(std::string(kMaxTreeDepth, '[') + std::string(kMaxTreeDepth, ']')), "no error");
  EXPECT_EQ(ErrorOf(std::string(kMaxTreeDepth + 1, '[') + std::string(kMaxTreeDepth + 1, ']')),
            "32: this is nested deeper than 32 levels");
  std::string many = "[";
  for (std::size_t i = 0; i <= kMaxTreeValues; ++i) many += "1,";
  EXPECT_NE(ErrorOf(many + "]").find("the text holds more than 200000 values"), std::string::npos);
}

}  // namespace
}  // namespace podgate::compiler
