#include "compiler/decode_selector.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "compiler/decode_fields.h"
#include "compiler/selector.h"
#include "compiler/syntax.h"

namespace podgate::compiler {
namespace {

using Op = Requirement::Operator;

// matchLabels: each pair is an In requirement with one value. The API names no key in its field
// path.
void ReadMatchLabels(const Node& node, const std::string& path, SelectorReading* reading,
                     Problems* problems) {
  if (node.type != Node::Type::kObject) {
    if (node.type != Node::Type::kUnreadable) {
      problems->Error(node.offset, path, "must be an object of labels, found " + Describe(node));
    }
    reading->clean = false;
    return;
  }
  std::vector<const Node*> members;
  for (const Node& member : node.children) members.push_back(&member);
  std::stable_sort(members.begin(), members.end(),
                   [](const Node* a, const Node* b) { return a->key < b->key; });
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Node& member = *members[i];
    const bool repeated = i + 1 < members.size() && members[i + 1]->key == member.key;
    if (i != 0 && members[i - 1]->key == member.key) {
      problems->Error(member.key_offset, path,
                      "the label " + Quote(member.key) + " is given more than once; expected one");
      reading->clean = false;
      continue;
    }
    bool valid = !repeated;
    if (const auto wrong = CheckLabelKey(member.key)) {
      problems->Error(member.key_offset, path, *wrong);
      valid = false;
    }
    std::string value;
    if (member.type == Node::Type::kString) {
      value = member.text;
      if (const auto wrong = CheckLabelValue(value)) {
        problems->Error(member.offset, path, *wrong);
        valid = false;
      }
    } else if (member.type != Node::Type::kNull) {
      problems->Error(member.offset, path,
                      "the value of label " + Quote(member.key) +
                          " must be a string (put it in quotes), found " + Describe(member));
      valid = false;
    }
    if (valid) {
      reading->selector.requirements.push_back({member.key, Op::kIn, {std::move(value)}});
    } else {
      reading->clean = false;
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

std::optional<Requirement> ReadRequirement(const Node& node, const std::string& path,
                                           Problems* problems) {
  static constexpr std::array<std::string_view, 3> kNames = {"key", "operator", "values"};
  const Fields<3> fields = ReadFields(node, path, kNames, problems);
  const auto [key, op, values] = fields.values;
  if (node.type != Node::Type::kObject && node.type != Node::Type::kNull) return std::nullopt;
  bool valid = fields.clean;
  Requirement requirement;

  if (key == nullptr) {
    problems->Error(node.offset, Child(path, "key"), "missing; expected a label key");
    valid = false;
  } else if (auto text = ReadString(*key, Child(path, "key"), "a label key", problems)) {
    if (const auto wrong = CheckLabelKey(*text)) {
      problems->Error(key->offset, Child(path, "key"), *wrong);
      valid = false;
    }
    requirement.key = std::move(*text);
  } else {
    valid = false;
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
  const std::vector<Node>* list =
      values == nullptr ? nullptr : ReadArray(*values, values_path, "a list of strings", problems);
  if (values != nullptr && list == nullptr) return std::nullopt;
  const bool has_values = list != nullptr && !list->empty();
  if (known) {
    const bool needs_values = *known == Op::kIn || *known == Op::kNotIn;
    if (needs_values && !has_values) {
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
  for (std::size_t i = 0; has_values && i < list->size(); ++i) {
    const std::string value_path = Index(values_path, i);
    auto text = ReadString((*list)[i], value_path, "a string (put it in quotes)", problems);
    if (!text) {
      valid = false;
      continue;
    }
    if (const auto wrong = CheckLabelValue(*text)) {
      problems->Error((*list)[i].offset, value_path, *wrong);
      valid = false;
    }
    requirement.values.push_back(std::move(*text));
  }
  if (!valid) return std::nullopt;
  return requirement;
}

}  // namespace

SelectorReading ReadSelector(const Node& node, const std::string& path, Problems* problems) {
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
        if (auto requirement = ReadRequirement((*list)[i], Index(list_path, i), problems)) {
          reading.selector.requirements.push_back(std::move(*requirement));
        } else {
          reading.clean = false;
        }
      }
    }
  }
  Canonicalise(&reading.selector);
  return reading;
}

}  // namespace podgate::compiler
