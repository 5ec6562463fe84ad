#include "compiler/model/selector.h"

#include <algorithm>

namespace podgate::compiler {
namespace {

bool Matches(const Requirement& requirement, const Labels& labels) {
  const std::string* value = FindLabel(labels, requirement.key);
  const auto listed = [&] {
    return std::binary_search(requirement.values.begin(), requirement.values.end(), *value);
  };
  switch (requirement.op) {
    case Requirement::Operator::kIn:
      return value != nullptr && listed();
    case Requirement::Operator::kNotIn:
      return value == nullptr || !listed();
    case Requirement::Operator::kExists:
      return value != nullptr;
    case Requirement::Operator::kDoesNotExist:
      return value == nullptr;
  }
  return false;
}

template <typename T>
void SortUnique(std::vector<T>* items) {
  std::sort(items->begin(), items->end());
  items->erase(std::unique(items->begin(), items->end()), items->end());
}

// One value is written with an operator sign, also because "x notin ()" would otherwise mean both
// no value and the empty value.
std::string ToString(const Requirement& requirement) {
  const bool in = requirement.op == Requirement::Operator::kIn;
  switch (requirement.op) {
    case Requirement::Operator::kExists:
      return requirement.key;
    case Requirement::Operator::kDoesNotExist:
      return "!" + requirement.key;
    case Requirement::Operator::kIn:
    case Requirement::Operator::kNotIn:
      break;
  }
  if (requirement.values.size() == 1) {
    return requirement.key + (in ? "=" : "!=") + requirement.values.front();
  }
  std::string text = requirement.key + (in ? " in (" : " notin (");
  const char* separator = "";
  for (const std::string& value : requirement.values) {
    text += separator;
    text += value;
    separator = ",";
  }
  return text + ")";
}

}  // namespace

bool Matches(const LabelSelector& selector, const Labels& labels) {
  return std::all_of(selector.requirements.begin(), selector.requirements.end(),
                     [&](const Requirement& requirement) { return Matches(requirement, labels); });
}

void Canonicalise(LabelSelector* selector) {
  for (Requirement& requirement : selector->requirements) SortUnique(&requirement.values);
  SortUnique(&selector->requirements);
}

std::string ToString(const LabelSelector& selector) {
  std::string text;
  const char* separator = "";
  for (const Requirement& requirement : selector.requirements) {
    text += separator;
    text += ToString(requirement);
    separator = ",";
  }
  return text;
}

}  // namespace podgate::compiler
