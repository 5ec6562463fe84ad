// Kinds that whoever writes them takes for policies that are enforced, and Podgate does not
// enforce: those of other projects, and misspelt ones. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace podgate::compiler {

// What to call the objects of a policy kind of another project: "CiliumNetworkPolicy"; with its
// group where the kind alone means ours, "NetworkPolicy of projectcalico.org". Empty: it is none.
std::string UnenforcedPolicyKind(std::string_view kind, std::string_view api_version);

// The kind that is read here and that a misspelt kind may mean ("NetworkPolicys" of
// networking.k8s.io/v1: "NetworkPolicy"). Empty: none.
std::string MeantKind(std::string_view kind, std::string_view api_version);

}  // namespace podgate::compiler
