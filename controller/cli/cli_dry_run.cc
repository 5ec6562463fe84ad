#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "compiler/ir/ir_dump.h"
#include "compiler/model/spelling.h"
#include "controller/base/exit_code.h"
#include "controller/cli/cli_input.h"
#include "controller/cli/cli_offline.h"
#include "nft/text/print.h"

namespace podgate::controller {
namespace {

// For the rest of the process, which is short: to take a large cluster apart takes longer than to
// find a node's rules in it.
const compiler::LoadResult& Keep(compiler::LoadResult&& input) {
  static auto* const kept = new std::deque<compiler::LoadResult>;
  return kept->emplace_back(std::move(input));
}

bool HasPods(const compiler::Cluster& cluster, const std::string& node) {
  return std::any_of(cluster.pods.begin(), cluster.pods.end(),
                     [&](const auto& item) { return item.second.node == node; });
}

// The node asked for, or the only one. An exit code after an error, which has been printed.
std::variant<std::string, ExitCode> ChooseNode(const compiler::Cluster& cluster,
                                               const std::string& asked, std::ostream& err) {
  if (!asked.empty() && HasPods(cluster, asked)) return asked;
  const std::vector<std::string> nodes = compiler::NodeNames(cluster);
  if (!asked.empty()) {
    // Of manifests without any node, as those of policies alone, nothing can be said.
    if (!nodes.empty() && !std::binary_search(nodes.begin(), nodes.end(), asked)) {
      err << "podgate: " << compiler::UnknownNode(asked, nodes) << '\n';
      return kExitBadInput;
    }
    err << "podgate: no pod of the input runs on node " << asked
        << ": its ruleset isolates nothing; check --node and the pods' spec.nodeName\n";
    return asked;
  }
  if (nodes.size() == 1) return nodes.front();
  if (nodes.empty()) {
    err << "podgate: no pod of the input names a node in spec.nodeName, so there is no ruleset to "
           "make; add pods to the input or give --node NAME\n";
    return kExitUsage;
  }
  err << "podgate: a ruleset is made for one node; give --node NAME (the input has " << nodes.size()
      << " nodes: " << compiler::FirstOf(nodes) << ")\n";
  return kExitUsage;
}

void PrintJson(const compiler::NodeIr& ir, const nft::Ruleset& ruleset,
               const std::vector<compiler::Diagnostic>& diagnostics, std::ostream& out) {
  nlohmann::ordered_json json;
  json["apiVersion"] = "podgate/v1";
  json["kind"] = "DryRun";
  json["node"] = ir.node;
  json["ir"] = nlohmann::ordered_json::parse(compiler::DumpJson(ir));
  json["nft"] = nft::Print(ruleset);
  json["diagnostics"] = nlohmann::ordered_json::array();
  for (const compiler::Diagnostic& diagnostic : diagnostics) {
    json["diagnostics"].push_back(diagnostic.ToString());
  }
  // Names come from input that may hold anything; what is not UTF-8 is replaced rather than
  // refused.
  out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

}  // namespace

int DryRun(const DryRunOptions& options, std::ostream& out, std::ostream& err) {
  std::optional<compiler::LoadResult> read = LoadInput(options.input, err);
  if (!read) return kExitBadInput;
  const compiler::LoadResult& input = Keep(*std::move(read));
  const auto chosen = ChooseNode(input.cluster, options.node, err);
  if (const auto* code = std::get_if<ExitCode>(&chosen)) {
    return input.HasErrors() ? kExitBadInput : *code;
  }
  const std::string& node = std::get<std::string>(chosen);

  const compiler::NodeIr ir = compiler::BuildIr(input.cluster, node);
  for (const compiler::ObjectKey& pod : ir.without_address) {
    err << "podgate: pod " << pod.ToString()
        << " has no address yet (status.podIPs) and is left out of the ruleset\n";
  }
  if (options.output == "ir") {
    out << compiler::DumpText(ir);
  } else {
    compiler::CompileOptions compile;
    compile.pod_to_node_enforce = options.pod_to_node_enforce;
    compile.reject = options.reject;
    compile.ipvs = options.ipvs;
    const nft::Ruleset ruleset = compiler::Compile(ir, compile);
    if (options.output == "json") {
      PrintJson(ir, ruleset, input.diagnostics, out);
    } else {
      out << nft::Print(ruleset);
    }
  }
  return input.HasErrors() ? kExitBadInput : kExitOk;
}

}  // namespace podgate::controller
