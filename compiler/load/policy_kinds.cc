#include "compiler/load/policy_kinds.h"

#include <algorithm>
#include <array>
#include <vector>

#include "compiler/model/spelling.h"
#include "compiler/model/syntax.h"

namespace podgate::compiler {
namespace {

constexpr std::string_view kPolicy = "NetworkPolicy";
constexpr std::size_t kLongestShown = 63;
// The kinds that decide about packets: whoever misspells one takes the object for evaluated.
constexpr std::array<std::string_view, 3> kOurs{kPolicy, "Namespace", "Pod"};

std::string_view GroupOf(std::string_view api_version) {
  const std::size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
}

bool IsKindName(std::string_view text) {
  return !text.empty() && text.size() <= kLongestShown &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
         });
}

}  // namespace

std::string UnenforcedPolicyKind(std::string_view kind, std::string_view api_version) {
  if (!IsKindName(kind) || !kind.ends_with("Policy")) return {};
  const std::string_view group = GroupOf(api_version);
  if (kind == kPolicy) {
    const std::string_view shown = group.substr(0, kLongestShown);
    return std::string(kind) + " of " +
           (CheckSubdomain(shown) ? "another group" : std::string(shown));
  }
  // CiliumNetworkPolicy, GlobalNetworkPolicy, AdminNetworkPolicy, ClusterNetworkPolicy, …
  return kind.ends_with(kPolicy) || kind == "CiliumClusterwideNetworkPolicy" ? std::string(kind)
                                                                             : std::string();
}

std::string MeantKind(std::string_view kind, std::string_view api_version) {
  if (!IsKindName(kind)) return {};
  const std::string_view group = GroupOf(api_version);
  const bool networking = group == "networking.k8s.io" || group == "extensions";
  if (!networking && !group.empty()) return {};
  for (const std::string_view ours : kOurs) {
    // A policy in the core group is a slip of the version as well as of the kind.
    if (networking && ours != kPolicy) continue;
    // Short words are near to many: only the plural is taken for a slip.
    const bool plural = kind.starts_with(ours) && kind.substr(ours.size()) == "s";
    if (plural) return std::string(ours);
    if (ours.size() > 3 && !NearSpellings(ours, {std::string(kind)}, 1).empty()) {
      return std::string(ours);
    }
  }
  return {};
}

}  // namespace podgate::compiler
