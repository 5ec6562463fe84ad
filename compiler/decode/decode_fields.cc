#include "compiler/decode/decode_fields.h"

#include <algorithm>
#include <cctype>

#include "compiler/model/syntax.h"

namespace podgate::compiler {
namespace {

constexpr std::size_t kMaxNamesTold = 8;

const TreeNode& Unreadable() {
  static const TreeNode node = [] {
    TreeNode unreadable;
    unreadable.type = TreeNode::Type::kUnreadable;
    return unreadable;
  }();
  return node;
}

bool SameButForCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

std::string UnknownField(const std::string& key, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    if (SameButForCase(key, name)) return "unknown field; it is written " + std::string(name);
  }
  if (names.size() > kMaxNamesTold) return "unknown field";
  std::string text = "unknown field; expected ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

void WrongType(const TreeNode& node, const std::string& path, std::string_view expected,
               Problems* problems) {
  if (node.type == TreeNode::Type::kUnreadable) return;
  problems->Error(node.offset, path,
                  "must be " + std::string(expected) + ", found " + Describe(node));
}

// A field name of the input as part of a path: short, and without what would look like path syntax.
std::string PathName(std::string_view key) {
  const bool plain =
      !key.empty() && key.size() <= 64 && key.find_first_of(" .:[]\"") == std::string_view::npos;
  return plain ? std::string(key) : Quote(key);
}

}  // namespace

std::string Child(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

std::string Index(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

bool ReadFields(const TreeNode& node, const std::string& path, Unknown unknown,
                std::span<const std::string_view> names, std::span<const TreeNode*> values,
                Problems* problems) {
  if (node.type == TreeNode::Type::kNull) return true;
  if (node.type != TreeNode::Type::kObject) {
    WrongType(node, path, "an object", problems);
    return false;
  }
  bool clean = true;
  std::array<bool, 32> seen{};
  for (const TreeNode& member : node.children) {
    const auto it = std::find(names.begin(), names.end(), member.key);
    if (it == names.end()) {
      if (unknown == Unknown::kIgnore) continue;
      clean = false;
      problems->Error(member.key_offset, Child(path, PathName(member.key)),
                      UnknownField(member.key, names));
      continue;
    }
    const auto index = static_cast<std::size_t>(it - names.begin());
    if (seen[index]) {
      clean = false;
      problems->Error(member.key_offset, Child(path, member.key),
                      "given more than once; expected one");
      values[index] = &Unreadable();
      continue;
    }
    seen[index] = true;
    if (member.type != TreeNode::Type::kNull) values[index] = &member;
  }
  return clean;
}

const std::vector<TreeNode>* ReadArray(const TreeNode& node, const std::string& path,
                                       std::string_view expected, Problems* problems) {
  if (node.type == TreeNode::Type::kArray) return &node.children;
  WrongType(node, path, expected, problems);
  return nullptr;
}

std::optional<std::string> ReadString(const TreeNode& node, const std::string& path,
                                      std::string_view expected, Problems* problems) {
  if (node.type == TreeNode::Type::kString) return node.text;
  if (node.type == TreeNode::Type::kNull) return std::string();
  WrongType(node, path, expected, problems);
  return std::nullopt;
}

std::optional<std::int64_t> ReadInteger(const TreeNode& node, const std::string& path,
                                        std::string_view expected, Problems* problems) {
  if (node.type == TreeNode::Type::kInteger) return node.integer;
  WrongType(node, path, expected, problems);
  return std::nullopt;
}

}  // namespace podgate::compiler
