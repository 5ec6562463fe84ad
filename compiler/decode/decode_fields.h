// Reading captured trees strictly: an object's known fields, and typed values, with a problem at
// the exact place for whatever is not as the API wants it. null means absent everywhere, as in the
// API. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "compiler/decode/decode_problem.h"
#include "compiler/decode/decode_tree.h"

namespace podgate::compiler {

std::string Child(const std::string& path, std::string_view name);
std::string Index(const std::string& path, std::size_t index);

// What to say about members that are not known.
enum class Unknown { kError, kIgnore };

// Fills `values` with the members named by `names` (nullptr: absent or null; a node of type
// kUnreadable: given more than once). Returns false if `node` is no object, or has members that are
// not known.
bool ReadFields(const TreeNode& node, const std::string& path, Unknown unknown,
                std::span<const std::string_view> names, std::span<const TreeNode*> values,
                Problems* problems);

template <std::size_t N>
struct Fields {
  std::array<const TreeNode*, N> values{};
  bool clean = false;  // the object holds nothing but known fields, each once
};
template <std::size_t N>
Fields<N> ReadFields(const TreeNode& node, const std::string& path,
                     const std::array<std::string_view, N>& names, Problems* problems,
                     Unknown unknown = Unknown::kError) {
  Fields<N> fields;
  fields.clean = ReadFields(node, path, unknown, names, fields.values, problems);
  return fields;
}

// Each returns nullopt (nullptr) with a problem when the value has another type; no problem for a
// node of type kUnreadable, which has been reported. `expected` completes "must be ".
const std::vector<TreeNode>* ReadArray(const TreeNode& node, const std::string& path,
                                       std::string_view expected, Problems* problems);
// null is the empty string, as in the API's lists and maps.
std::optional<std::string> ReadString(const TreeNode& node, const std::string& path,
                                      std::string_view expected, Problems* problems);
std::optional<std::int64_t> ReadInteger(const TreeNode& node, const std::string& path,
                                        std::string_view expected, Problems* problems);

}  // namespace podgate::compiler
