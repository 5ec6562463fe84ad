// A small YAML or JSON document as a tree with the places of its values: for files of
// configuration, such as a kubeconfig. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

#include "compiler/decode/decode_problem.h"
#include "compiler/decode/decode_tree.h"

namespace podgate::compiler {

inline constexpr std::size_t kMaxTreeDepth = 32;
inline constexpr std::size_t kMaxTreeValues = 200'000;

// The first document of the text; null if it has none. A key that is given twice is an error.
std::variant<TreeNode, Problem> ReadYamlTree(std::string_view text);

// The value of an object's member; nullptr if `node` is no object, has no such member, or the
// member is null.
const TreeNode* FindMember(const TreeNode& node, std::string_view key);

}  // namespace podgate::compiler
