#include "compiler/codegen/table_comment.h"

#include <set>

#include "compiler/codegen/names.h"

namespace podgate::compiler {
namespace {

constexpr std::string_view kBeforeNode = "NetworkPolicy of node ";
constexpr std::string_view kAfterNode = ", kept up to date by Podgate";

}  // namespace

std::string NodeInComment(std::string_view node) {
  constexpr std::size_t kRoom = nft::kMaxCommentBytes - kBeforeNode.size() - kAfterNode.size();
  return PlainName("", node, node, kRoom);
}

std::string TableComment(std::string_view node) {
  return std::string(kBeforeNode) + NodeInComment(node) + std::string(kAfterNode);
}

std::optional<std::string> NodeOfTable(std::string_view comment) {
  if (!comment.starts_with(kBeforeNode) || !comment.ends_with(kAfterNode)) return std::nullopt;
  if (comment.size() <= kBeforeNode.size() + kAfterNode.size()) return std::nullopt;
  comment.remove_prefix(kBeforeNode.size());
  comment.remove_suffix(kAfterNode.size());
  return std::string(comment);
}

std::size_t IsolatedPods(const nft::Ruleset& table) {
  // Each address of an isolated pod leads to a chain of its own, whose last rule names the pod.
  std::set<std::string> pods;
  for (const auto& [name, set] : table.sets) {
    if (!set.verdict_map || !(name.starts_with("ingress") || name.starts_with("egress"))) continue;
    for (const nft::Element& element : set.elements) {
      const auto chain = table.chains.find(element.verdict ? element.verdict->chain : "");
      if (chain != table.chains.end() && !chain->second.rules.empty())
        pods.insert(chain->second.rules.back().comment);
    }
  }
  return pods.size();
}

}  // namespace podgate::compiler
