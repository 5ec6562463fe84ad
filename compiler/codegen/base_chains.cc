#include "compiler/codegen/base_chains.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/codegen/direction.h"
#include "compiler/codegen/table_comment.h"

namespace podgate::compiler {
namespace {

constexpr std::string_view kForwardChain = "forward";
constexpr std::string_view kHostChain = "host";
constexpr std::string_view kIpvsChain = "ipvs";
constexpr int kPriority = -5;  // right before the ordinary filter
constexpr std::uint32_t kLogsPerSecond = 10;
constexpr std::uint32_t kLogBurst = 5;
constexpr std::uint32_t kLogBytes = 128;

std::vector<nft::Rule>& AddChain(std::string_view name, nft::Ruleset* out) {
  nft::Chain& chain = out->chains[std::string(name)];
  chain.name = name;
  return chain.rules;
}

// With what is accepted without a policy; the chain of the sender's policies comes next.
std::vector<nft::Rule>& AddBase(std::string_view name, nft::Hook hook, nft::Ruleset* out) {
  std::vector<nft::Rule>& rules = AddChain(name, out);
  out->chains.at(std::string(name)).base = nft::BaseHook{.hook = hook, .priority = kPriority};
  rules.push_back({.matches = {nft::MatchCtState{}},
                   .action = nft::Verdict{},
                   .comment = "connections already allowed"});
  rules.push_back({.matches = {nft::MatchNeighbourDiscovery{}},
                   .action = nft::Verdict{},
                   .comment = "IPv6 neighbour discovery"});
  // Whoever has a socket on this node is the node: what IPVS forwards has none here.
  if (hook == nft::Hook::kOutput) {
    rules.push_back({.matches = {nft::MatchLocalSocket{}},
                     .action = nft::Verdict{},
                     .comment = "sent by this node"});
  }
  rules.push_back(
      {.action = nft::Verdict{nft::Verdict::Kind::kJump, ToString(Direction::kEgress)}});
  return rules;
}

void AddDeny(Direction direction, const CompileOptions& options, nft::Ruleset* out) {
  const std::string name = ToString(direction);
  const std::string counter = "denied-" + name;
  out->counters.insert(counter);
  std::vector<nft::Rule>& rules = AddChain(DenyChain(direction), out);
  if (options.log_denied) {
    rules.push_back(
        {.statements = {nft::LimitRate{kLogsPerSecond, kLogBurst},
                        nft::LogGroup{options.log_group, "podgate-" + name + " ", kLogBytes}},
         .action = std::nullopt});
  }
  const std::vector<nft::Statement> count = {nft::CountBy{counter}};
  if (!options.reject) {
    rules.push_back({.statements = count, .action = nft::Verdict{nft::Verdict::Kind::kDrop, {}}});
    return;
  }
  // An answer that each client takes for final: TCP goes on trying after an ICMP error.
  rules.push_back(
      {.matches = {nft::MatchProtocol{nft::kTcp}}, .statements = count, .action = nft::Reject{}});
  rules.push_back({.statements = count, .action = nft::Reject{}});
}

}  // namespace

nft::Ruleset BaseChains(std::string_view node, const CompileOptions& options) {
  nft::Ruleset out;
  out.comment = TableComment(node);
  for (const Direction direction : kDirections) AddDeny(direction, options, &out);
  AddBase(kForwardChain, nft::Hook::kForward, &out)
      .push_back({.action = GotoChain(ToString(Direction::kIngress))});
  if (options.pod_to_node_enforce) AddBase(kHostChain, nft::Hook::kInput, &out);
  if (options.ipvs) {
    AddBase(kIpvsChain, nft::Hook::kOutput, &out)
        .push_back({.action = GotoChain(ToString(Direction::kIngress))});
  }
  return out;
}

}  // namespace podgate::compiler
