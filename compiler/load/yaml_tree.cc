#include "compiler/load/yaml_tree.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/load/yaml_source.h"
#include "compiler/model/syntax.h"

namespace podgate::compiler {
namespace {

// Hands what it is told to a TreeBuilder, within bounds.
class TreeReader final : public ValueReader {
 public:
  TreeReader(ValueLocator* locator, TreeBuilder* tree) : locator_(*locator), tree_(*tree) {}

  bool Null() override {
    tree_.Null(locator_.Offset());
    return HasRoom();
  }
  bool Bool(bool value) override {
    tree_.Bool(value, locator_.Offset());
    return HasRoom();
  }
  bool Integer(std::int64_t value) override {
    tree_.Integer(value, locator_.Offset());
    return HasRoom();
  }
  bool Number(std::string_view digits) override {
    tree_.Number(digits, locator_.Offset());
    return HasRoom();
  }
  bool String(std::string& value) override {
    tree_.String(value, locator_.Offset());
    return HasRoom();
  }
  bool StartObject() override {
    tree_.StartObject(locator_.Offset());
    return Open();
  }
  bool StartArray() override {
    tree_.StartArray(locator_.Offset());
    return Open();
  }
  bool EndObject() override { return Close(); }
  bool EndArray() override { return Close(); }
  bool Key(std::string_view key) override {
    if (!keys_.back().emplace(key).second) return Fail(Quote(key) + " is given twice");
    tree_.Key(key, locator_.Offset());
    return true;
  }
  const std::optional<Problem>& failure() const override { return failure_; }

 private:
  bool Open() {
    keys_.emplace_back();
    if (keys_.size() > kMaxTreeDepth)
      return Fail("this is nested deeper than " + std::to_string(kMaxTreeDepth) + " levels");
    return HasRoom();
  }
  bool Close() {
    keys_.pop_back();
    tree_.End();
    return true;
  }
  bool HasRoom() {
    return !tree_.overflowed() ||
           Fail("the text holds more than " + std::to_string(kMaxTreeValues) + " values");
  }
  bool Fail(std::string message) {
    failure_ = Problem{Diagnostic::Severity::kError, locator_.Offset(), "", std::move(message)};
    return false;
  }

  ValueLocator& locator_;
  TreeBuilder& tree_;
  std::vector<std::set<std::string, std::less<>>> keys_;  // of each open object or array
  std::optional<Problem> failure_;
};

}  // namespace

std::variant<TreeNode, Problem> ReadYamlTree(std::string_view text) {
  if (auto bad = FindBadByte(text, 0, text.size())) return *std::move(bad);
  TreeBuilder tree;
  tree.Start(kMaxTreeValues);
  YamlSource source(text, YamlSource::SecondDocument::kIgnored);
  auto problem = source.Parse(0, text.size(), [&](ValueLocator* locator) {
    return std::make_unique<TreeReader>(locator, &tree);
  });
  if (problem) return *std::move(problem);
  return tree.root();
}

const TreeNode* FindMember(const TreeNode& node, std::string_view key) {
  if (node.type != TreeNode::Type::kObject) return nullptr;
  for (const TreeNode& member : node.children)
    if (member.key == key) return member.type == TreeNode::Type::kNull ? nullptr : &member;
  return nullptr;
}

}  // namespace podgate::compiler
