#include "compiler/decode/decode_tree.h"

#include <utility>

#include "compiler/model/syntax.h"

namespace podgate::compiler {

std::string Describe(const TreeNode& node) {
  switch (node.type) {
    case TreeNode::Type::kNull:
      return "null";
    case TreeNode::Type::kBool:
      return node.boolean ? "the boolean true" : "the boolean false";
    case TreeNode::Type::kInteger:
      return "the number " + std::to_string(node.integer);
    case TreeNode::Type::kNumber:
      return "the number " + node.text.substr(0, 32);
    case TreeNode::Type::kString:
      return "the string " + Quote(node.text);
    case TreeNode::Type::kArray:
      return "a list";
    case TreeNode::Type::kObject:
      return "an object";
    case TreeNode::Type::kUnreadable:
      break;
  }
  return "an unreadable value";
}

void TreeBuilder::Start(std::size_t limit) {
  Stop();
  active_ = true;
  limit_ = limit;
}

void TreeBuilder::Stop() {
  active_ = false;
  overflowed_ = false;
  skip_next_ = false;
  skip_depth_ = 0;
  count_ = 0;
  open_.clear();
  root_ = TreeNode{};
}

void TreeBuilder::Key(std::string_view key, std::size_t offset) {
  if (!active_ || skip_depth_ != 0) return;
  key_ = key;
  key_offset_ = offset;
}

TreeNode* TreeBuilder::Add(TreeNode::Type type, std::size_t offset) {
  if (!active_ || skip_depth_ != 0) return nullptr;
  if (std::exchange(skip_next_, false)) type = TreeNode::Type::kNull;
  if (++count_ > limit_) {
    overflowed_ = true;
    return nullptr;
  }
  TreeNode* node = &root_;
  if (!open_.empty()) {
    TreeNode* parent = open_.back();
    node = &parent->children.emplace_back();
    if (parent->type == TreeNode::Type::kObject) {
      node->key = std::move(key_);
      node->key_offset = key_offset_;
    }
  }
  node->type = type;
  node->offset = offset;
  return node;
}

void TreeBuilder::Open(TreeNode::Type type, std::size_t offset) {
  if (!active_) return;
  if (skip_depth_ == 0) {
    TreeNode* node = Add(type, offset);
    if (node != nullptr && node->type == type && open_.size() < kMaxDepth) {
      open_.push_back(node);
      return;
    }
  }
  ++skip_depth_;
}

void TreeBuilder::End() {
  if (!active_) return;
  if (skip_depth_ != 0) {
    --skip_depth_;
  } else {
    open_.pop_back();
  }
}

void TreeBuilder::Bool(bool value, std::size_t offset) {
  if (TreeNode* node = Add(TreeNode::Type::kBool, offset)) node->boolean = value;
}

void TreeBuilder::Integer(std::int64_t value, std::size_t offset) {
  if (TreeNode* node = Add(TreeNode::Type::kInteger, offset)) node->integer = value;
}

void TreeBuilder::Number(std::string_view digits, std::size_t offset) {
  if (TreeNode* node = Add(TreeNode::Type::kNumber, offset)) node->text = digits;
}

void TreeBuilder::String(std::string_view value, std::size_t offset) {
  if (TreeNode* node = Add(TreeNode::Type::kString, offset)) node->text = value;
}

}  // namespace podgate::compiler
