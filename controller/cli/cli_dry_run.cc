#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "compiler/ir/ir_dump.h"
#include "controller/base/exit_code.h"
#include "controller/cli/cli_input.h"
#include "controller/cli/cli_offline.h"
#include "nft/text/print.h"

namespace podgate::controller {
namespace {

std::set<std::string> NodesOf(const compiler::Cluster& cluster) {
  std::set<std::string> nodes;
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod.node.empty()) nodes.insert(pod.node);
  }
  return nodes;
}

// The node asked for, or the only one. Empty after an error, which has been printed.
std::string ChooseNode(const compiler::Cluster& cluster, const std::string& asked,
                       std::ostream& err) {
  const std::set<std::string> nodes = NodesOf(cluster);
  if (!asked.empty()) {
    if (!nodes.contains(asked)) {
      err << "podgate: no pod of the input runs on node " << asked
          << ": its ruleset isolates nothing; check --node and the pods' spec.nodeName\n";
    }
    return asked;
  }
  if (nodes.size() == 1) return *nodes.begin();
  if (nodes.empty()) {
    err << "podgate: no pod of the input names a node in spec.nodeName, so there is no ruleset to "
           "make; add pods to the input or give --node NAME\n";
    return {};
  }
  err << "podgate: the input has pods on " << nodes.size()
      << " nodes and a ruleset is made for one; give --node with one of:";
  for (const std::string& node : nodes) err << ' ' << node;
  err << '\n';
  return {};
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
  const compiler::LoadResult input = LoadInput(options.input, err);
  const std::string node = ChooseNode(input.cluster, options.node, err);
  if (node.empty()) return input.HasErrors() ? kExitBadInput : kExitUsage;

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
