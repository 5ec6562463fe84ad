#include "compiler/decode/decode_tree.h"

#include <utility>

#include "compiler/model/syntax.h"

namespace podgate::compiler {

std::string Describe(const Node& node) {
  switch (node.type) {
    case Node::Type::kNull:
      return "null";
    case Node::Type::kBool:
      return node.boolean ? "the boolean true" : "the boolean false";
    case Node::Type::kInteger:
      return "the number " + std::to_string(node.integer);
    case Node::Type::kNumber:
      return "the number " + node.text.substr(0, 32);
    case Node::Type::kString:
      return "the string " + Quote(node.text);
    case Node::Type::kArray:
      return "a list";
    case Node::Type::kObject:
      return "an object";
    case Node::Type::kUnreadable:
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
  root_ = Node{};
}

void TreeBuilder::Key(std::string_view key, std::size_t offset) {
  if (!active_ || skip_depth_ != 0) return;
  key_ = key;
  key_offset_ = offset;
}

Node* TreeBuilder::Add(Node::Type type, std::size_t offset) {
  if (!active_ || skip_depth_ != 0) return nullptr;
  if (std::exchange(skip_next_, false)) type = Node::Type::kNull;
  if (++count_ > limit_) {
    overflowed_ = true;
    return nullptr;
  }
  Node* node = &root_;
  if (!open_.empty()) {
    Node* parent = open_.back();
    node = &parent->children.emplace_back();
    if (parent->type == Node::Type::kObject) {
      node->key = std::move(key_);
      node->key_offset = key_offset_;
    }
  }
  node->type = type;
  node->offset = offset;
  return node;
}

void TreeBuilder::Open(Node::Type type, std::size_t offset) {
  if (!active_) return;
  if (skip_depth_ == 0) {
    Node* node = Add(type, offset);
    if (node != nullptr && node->type == type) {
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
  if (Node* node = Add(Node::Type::kBool, offset)) node->boolean = value;
}

void TreeBuilder::Integer(std::int64_t value, std::size_t offset) {
  if (Node* node = Add(Node::Type::kInteger, offset)) node->integer = value;
}

void TreeBuilder::Number(std::string_view digits, std::size_t offset) {
  if (Node* node = Add(Node::Type::kNumber, offset)) node->text = digits;
}

void TreeBuilder::String(std::string_view value, std::size_t offset) {
  if (Node* node = Add(Node::Type::kString, offset)) node->text = value;
}

}  // namespace podgate::compiler
