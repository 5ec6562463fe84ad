// A small YAML or JSON document as a tree with places, for files of configuration (a kubeconfig).
// Read with libfyaml's events; aliases are refused, depth and size are bounded. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "nft/base/status.h"

namespace podgate::controller {

struct YamlMember;

struct YamlNode {
  enum class Kind { kScalar, kMapping, kSequence };
  Kind kind = Kind::kScalar;
  std::size_t line = 0;             // from 1
  std::string text;                 // kScalar
  bool plain = false;               // kScalar without quotes
  std::vector<YamlMember> members;  // kMapping, in the order of the text
  std::vector<YamlNode> items;      // kSequence

  // nullptr when it is no mapping or has no such member.
  const YamlNode* Find(std::string_view key) const;
  // A scalar that stands for nothing: empty or null.
  bool IsNull() const;
};

// No std::pair: that needs both of its types to be complete, and clang 14 says so.
struct YamlMember {
  std::string key;
  YamlNode value;
};

// The first document. Errors read "FILE:LINE: what is wrong". An empty text is an empty mapping.
nft::Result<YamlNode> ParseYaml(const std::string& text, const std::string& file);

}  // namespace podgate::controller
