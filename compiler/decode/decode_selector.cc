#include "compiler/decode/decode_selector.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "compiler/decode/decode_fields.h"
#include "compiler/model/selector.h"
#include "compiler/model/syntax.h"

namespace podgate::compiler {
namespace {

using Op = Requirement::Operator;

// matchLabels: each pair is an In requirement with one value. The API names no key in its field
// path.
void ReadMatchLabels(const TreeNode& node, const std::string& path, SelectorReading* reading,
                     Problems* problems) {
  if (node.type != TreeNode::Type::kObject) {
    if (node.type != TreeNode::Type::kUnreadable) {
      problems->Error(node.offset, path, "must be an object of labels, found " + Describe(node));
    }
    reading->clean = false;
    return;
  }
  std::vector<const TreeNode*> members;
  for (const TreeNode& member : node.children) members.push_back(&member);
  std::stable_sort(members.begin(), members.end(),
                   [](const TreeNode* a, const TreeNode* b) { return a->key < b->key; });
  for (std::size_t i = 0; i < members.size(); ++i) {
    const TreeNode& member = *members[i];
    const bool repeated = i + 1 < members.size() && members[i + 1]->key == member.key;
    if (i != 0 && members[i - 1]->key == member.key) {
      problems->Error(member.key_offset, path,
                      "the label " + Quote(member.key) + " is given more than once; expected one");
      reading->clean = false;
      continue;
    }
    bool valid = !repeated;
    const auto wrong_key = CheckLabelKey(member.key);
    if (wrong_key) {
      problems->Error(member.key_offset, path, *wrong_key);
      valid = false;
    }
    std::string value;
    if (member.type == TreeNode::Type::kString) {
      value = member.text;
      if (const auto wrong = CheckLabelValue(value)) {
        problems->Error(member.offset, path, *wrong);
        valid = false;
      }
    } else if (member.type != TreeNode::Type::kNull) {
      problems->Error(member.offset, path,
                      "the value of label " + Quote(member.key) +
                          " must be a string (put it in quotes), found " + Describe(member));
      valid = false;
    }
    if (valid) {
      reading->selector.requirements.push_back({member.key, Op::kIn, {std::move(value)}});
    } else {
      reading->clean = false;
      if (!wrong_key) reading->selector.requirements.push_back({member.key, Op::kExists, {}});
    }
  }
}

std::optional<Op> OperatorOf(std::string_view text) {
  if (text == "In") return Op::kIn;
  if (text == "NotIn") return Op::kNotIn;
  if (text == "Exists") return Op::kExists;
  if (text == "DoesNotExist") return Op::kDoesNotExist;
  return std::nullopt;
}

// What is there of the requirement, as wide as it may be meant; clean: all of it.
struct RequirementReading {
  std::optional<Requirement> requirement;
  bool clean = false;
};

RequirementReading ReadRequirement(const TreeNode& node, const std::string& path,
                                   Problems* problems) {
  static constexpr std::array<std::string_view, 3> kNames = {"key", "operator", "values"};
  const Fields<3> fields = ReadFields(node, path, kNames, problems);
  const auto [key, op, values] = fields.values;
  if (node.type != TreeNode::Type::kObject && node.type != TreeNode::Type::kNull) return {};
  bool valid = fields.clean;
  bool key_valid = false;
  Requirement requirement;

  if (key == nullptr) {
    problems->Error(node.offset, Child(path, "key"), "missing; expected a label key");
  } else if (auto text = ReadString(*key, Child(path, "key"), "a label key", problems)) {
    const auto wrong = CheckLabelKey(*text);
    if (wrong) problems->Error(key->offset, Child(path, "key"), *wrong);
    key_valid = !wrong;
    requirement.key = std::move(*text);
  }

  std::optional<Op> known;
  if (op == nullptr) {
    problems->Error(node.offset, Child(path, "operator"),
                    "missing; expected In, NotIn, Exists or DoesNotExist");
  } else if (const auto text = ReadString(*op, Child(path, "operator"),
                                          "In, NotIn, Exists or DoesNotExist", problems)) {
    known = OperatorOf(*text);
    if (!known) {
      problems->Error(op->offset, Child(path, "operator"),
                      "must be In, NotIn, Exists or DoesNotExist, found " + Quote(*text));
    }
  }
  if (known) {
    requirement.op = *known;
  } else {
    valid = false;
  }

  const std::string values_path = Child(path, "values");
  const std::vector<TreeNode>* list =
      values == nullptr ? nullptr : ReadArray(*values, values_path, "a list of strings", problems);
  if (values != nullptr && list == nullptr) valid = false;
  const bool has_values = list != nullptr && !list->empty();
  if (known) {
    const bool needs_values = *known == Op::kIn || *known == Op::kNotIn;
    if (needs_values && !has_values && (values == nullptr || list != nullptr)) {
      problems->Error(values != nullptr ? values->offset : node.offset, values_path,
                      "must have at least one value for the operators In and NotIn");
      valid = false;
    }
    if (!needs_values && has_values) {
      problems->Error(values->offset, values_path,
                      "must be absent for the operators Exists and DoesNotExist");
      valid = false;
    }
  }
  bool impossible = false;
  for (std::size_t i = 0; has_values && i < list->size(); ++i) {
    const std::string value_path = Index(values_path, i);
    auto text = ReadString((*list)[i], value_path, "a string (put it in quotes)", problems);
    if (!text) {
      valid = false;
      continue;
    }
    if (const auto wrong = CheckLabelValue(*text)) {
      problems->Error((*list)[i].offset, value_path, *wrong);
      impossible = true;
      continue;
    }
    requirement.values.push_back(std::move(*text));
  }
  // API servers keep such values in policies that were there before they checked them
  // (AllowInvalidLabelValueInSelector). No label has one, so beside others it is nothing in In.
  if (impossible && (known != Op::kIn || requirement.values.empty())) valid = false;
  if (valid && key_valid) return {std::move(requirement), true};
  // Whatever In and Exists were to say of its value, the label has to be there.
  if (key_valid && (known == Op::kIn || known == Op::kExists))
    return {Requirement{std::move(requirement.key), Op::kExists, {}}, false};
  return {};
}

}  // namespace

SelectorReading ReadSelector(const TreeNode& node, const std::string& path, Problems* problems) {
  static constexpr std::array<std::string_view, 2> kNames = {"matchLabels", "matchExpressions"};
  SelectorReading reading;
  const Fields<2> fields = ReadFields(node, path, kNames, problems);
  reading.clean = fields.clean;
  const auto [labels, expressions] = fields.values;
  if (labels != nullptr) ReadMatchLabels(*labels, Child(path, "matchLabels"), &reading, problems);
  if (expressions != nullptr) {
    const std::string list_path = Child(path, "matchExpressions");
    const auto* list = ReadArray(*expressions, list_path, "a list of requirements", problems);
    if (list == nullptr) {
      reading.clean = false;
    } else {
      for (std::size_t i = 0; i < list->size(); ++i) {
        auto [requirement, clean] = ReadRequirement((*list)[i], Index(list_path, i), problems);
        if (requirement) reading.selector.requirements.push_back(std::move(*requirement));
        reading.clean = reading.clean && clean;
      }
    }
  }
  Canonicalise(&reading.selector);
  return reading;
}

}  // namespace podgate::compiler
