// The sentences of the reference evaluator: which rule allows a flow, or which rule came nearest to
// it. Pure.
#pragma once

#include <string>
#include <vector>

#include "compiler/reference/rule_matching.h"

namespace podgate::compiler::reference {

// "pod default/web", "node n1", "10.0.0.1"; of a hostNetwork pod: "node n1 (whose network x/host
// uses)".
std::string Describe(const Endpoint& endpoint);

// "default/web ingress[0] allows TCP 80 from pods app=client of namespace default".
std::string AllowedBy(const NetworkPolicy& policy, const PolicyRule& rule,
                      const Question& question);

// "pod default/web is isolated for ingress by policy default/web: " and the nearest miss among its
// rules: "default/web ingress[1] allows TCP 443, not TCP 80". `isolating` is not empty.
std::string DeniedBy(const std::vector<const NetworkPolicy*>& isolating, const Question& question);

// Of pods with one address, whom different policies isolate.
std::string DeniedByContest(const std::vector<const Pod*>& isolated, const Question& question);

// "address 10.0.0.1 is claimed by pods a/x (node n1) and b/y (node n2): …". At least two pods.
std::string Contest(const Address& address, const std::vector<const Pod*>& claimants);

// The same of policies that are over their budget.
std::string DeniedByBudget(const std::vector<const NetworkPolicy*>& isolating, OverBudget over,
                           const Question& question);

}  // namespace podgate::compiler::reference
