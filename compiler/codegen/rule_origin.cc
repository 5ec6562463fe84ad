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
    const std::string tail = fmt::format(" {}[{}]", ToString(direction), origins[i].rule);
    if (i == 0) {
      const std::string head = origins[i].policy.ToString();
      text = origins.size() == 1
                 ? Comment(head, tail)
                 : Comment(head.substr(0, nft::kMaxCommentBytes - tail.size() - kMoreBytes), tail);
      continue;
    }
    const std::string next = ", " + origins[i].policy.ToString() + tail;
    if (text.size() + next.size() + kMoreBytes > nft::kMaxCommentBytes)
      return Comment(text, fmt::format(", +{} more", origins.size() - i));
    text += next;
  }
  return Comment(text);
}

std::string CounterName(Direction direction, const RuleOrigin& origin) {
  const std::string text = fmt::format("{}-{}", origin.policy.ToString(), origin.rule);
  return PlainName(DirectionPrefix(direction), text, text, nft::kMaxNameBytes);
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
