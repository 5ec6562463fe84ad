#include "compiler/codegen/rule_origin.h"

#include <fmt/format.h>

#include <set>

#include "compiler/codegen/direction.h"
#include "compiler/codegen/names.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

std::vector<RuleOrigin> OriginsOf(const PolicyClass& policy_class,
                                  const std::vector<std::size_t>& entries) {
  std::vector<RuleOrigin> origins;
  for (const std::size_t i : entries) {
    const AllowEntry& entry = policy_class.entries[i];
    origins.push_back({entry.policy, entry.rule});
  }
  return origins;
}

std::string OriginsComment(Direction direction, const std::vector<RuleOrigin>& origins) {
  constexpr std::size_t kMoreBytes = 20;  // ", +NNNNNN more"
  std::string text;
  for (std::size_t i = 0; i < origins.size(); ++i) {
    const std::string name = RuleName(origins[i].policy, direction, origins[i].rule);
    if (i == 0) {
      // A policy's name that is too long is cut, so that direction and index stay.
      const std::string head = origins[i].policy.ToString();
      const std::string tail = name.substr(head.size());
      text = origins.size() == 1
                 ? Comment(head, tail)
                 : Comment(head.substr(0, nft::kMaxCommentBytes - tail.size() - kMoreBytes), tail);
      continue;
    }
    if (text.size() + 2 + name.size() + kMoreBytes > nft::kMaxCommentBytes)
      return Comment(text, fmt::format(", +{} more", origins.size() - i));
    text += ", " + name;
  }
  return Comment(text);
}

std::string CounterName(Direction direction, const RuleOrigin& origin) {
  const std::string policy = origin.policy.ToString();
  const std::string text = fmt::format("{}-{}-{}", policy, ToString(direction), origin.rule);
  // An identifier of nft does not begin with a digit, a namespace may.
  const bool begins_with_digit = policy.front() >= '0' && policy.front() <= '9';
  return PlainName(begins_with_digit ? "_" : "", text, text, nft::kMaxNameBytes);
}

std::string OriginsText(const std::vector<RuleOrigin>& origins) {
  std::set<ObjectKey> policies;
  for (const RuleOrigin& origin : origins) policies.insert(origin.policy);
  std::string text = policies.begin()->ToString().substr(0, 90);
  if (policies.size() > 1) text += fmt::format("-and-{}-more", policies.size() - 1);
  return text;
}

std::string OriginsIdentity(Direction direction, const std::vector<RuleOrigin>& origins) {
  std::string identity;
  AppendPart(&identity, ToString(direction));
  for (const RuleOrigin& origin : origins) {
    AppendPart(&identity, origin.policy.ToString());
    AppendPart(&identity, std::to_string(origin.rule));
  }
  return identity;
}

}  // namespace podgate::compiler
