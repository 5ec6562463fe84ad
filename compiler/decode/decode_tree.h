// A bounded tree that remembers where each value stood: what a NetworkPolicy is captured into
// before it is validated, since its `kind` may come after its `spec`. Pods never go through it.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/decode/text_position.h"

namespace podgate::compiler {

struct TreeNode {
  enum class Type : std::uint8_t {
    kNull,
    kBool,
    kInteger,
    kNumber,  // not an integer of 64 bits; `text` holds its digits
    kString,
    kArray,
    kObject,
    kUnreadable,  // stands for a field that was given twice
  };
  Type type = Type::kNull;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string text;
  std::size_t offset = kNoOffset;
  std::string key;  // of an object's member
  std::size_t key_offset = kNoOffset;
  std::vector<TreeNode> children;
};

// "the number 80", "a list": what was found, for messages.
std::string Describe(const TreeNode& node);

// One value at a time, in the order of the text. Above `limit` values it keeps nothing more and
// says so. Objects and arrays below kMaxDepth others are kept without what is in them: no field of
// the API is so deep, and a tree is as deep as the stack that it is destroyed on.
class TreeBuilder {
 public:
  static constexpr std::size_t kMaxDepth = 64;

  void Start(std::size_t limit);
  void Stop();  // forgets the tree
  bool overflowed() const { return overflowed_; }
  // The next value is kept as null, whatever it is.
  void SkipNext() { skip_next_ = skip_depth_ == 0; }

  void Key(std::string_view key, std::size_t offset);
  void Null(std::size_t offset) { Add(TreeNode::Type::kNull, offset); }
  void Bool(bool value, std::size_t offset);
  void Integer(std::int64_t value, std::size_t offset);
  void Number(std::string_view digits, std::size_t offset);
  void String(std::string_view value, std::size_t offset);
  void StartObject(std::size_t offset) { Open(TreeNode::Type::kObject, offset); }
  void StartArray(std::size_t offset) { Open(TreeNode::Type::kArray, offset); }
  void End();  // of the innermost object or array

  const TreeNode& root() const { return root_; }

 private:
  TreeNode* Add(TreeNode::Type type, std::size_t offset);
  void Open(TreeNode::Type type, std::size_t offset);

  bool active_ = false;
  bool overflowed_ = false;
  bool skip_next_ = false;
  std::size_t skip_depth_ = 0;  // open objects and arrays that are not kept
  std::size_t count_ = 0;
  std::size_t limit_ = 0;
  std::string key_;
  std::size_t key_offset_ = kNoOffset;
  TreeNode root_;
  // The open nodes. An open node is the last child of its parent, whose children therefore do not
  // move.
  std::vector<TreeNode*> open_;
};

}  // namespace podgate::compiler
