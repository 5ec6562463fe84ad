// Which rules of which policies an nftables rule, map or counter comes from, as comments and names
// say it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

// A rule of a policy, in a direction known from elsewhere.
struct RuleOrigin {
  ObjectKey policy;
  std::uint32_t rule = 0;  // index in spec.ingress / spec.egress
  friend auto operator<=>(const RuleOrigin&, const RuleOrigin&) = default;
};

// Of the entries of a class with these indices (sorted): in policy order.
std::vector<RuleOrigin> OriginsOf(const PolicyClass& policy_class,
                                  const std::vector<std::size_t>& entries);

// "default/web ingress[0], default/db ingress[2], +3 more", within a comment's limit.
std::string OriginsComment(Direction direction, const std::vector<RuleOrigin>& origins);
// The counter of one rule of one policy: "shop/api-ingress-0", since an identifier of nft holds
// neither spaces nor brackets.
std::string CounterName(Direction direction, const RuleOrigin& origin);
// "default/web", "default/web-and-3-more": the readable part of a name for what all of them need.
std::string OriginsText(const std::vector<RuleOrigin>& origins);
// What such a name is hashed from, as far as it depends on the origins.
std::string OriginsIdentity(Direction direction, const std::vector<RuleOrigin>& origins);

}  // namespace podgate::compiler
