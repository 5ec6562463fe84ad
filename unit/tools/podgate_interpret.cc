// podgate_interpret -f FILE… --probes FILE|-: the verdicts of compiled rulesets, for comparison
// with those of `podgate explain --probes` (same lines in, same order out) and with real packets.
// Each probe's first packet is followed through the rulesets of the nodes that it crosses. Answers:
// {"from","to","verdict","trace"}; verdict is allow, deny, or unknown when an address that the
// packet would need is not known.
//
// Exit codes as podgate's: 0, 2 usage, 4 bad input (answers to what could be read are given all the
// same).

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "compiler/load/load_files.h"
#include "compiler/reference/flow_query_text.h"
#include "compiler/reference/path.h"

namespace {

using namespace podgate;
using Json = nlohmann::ordered_json;

constexpr int kExitUsage = 2;
constexpr int kExitBadInput = 4;

struct Options {
  std::vector<std::string> files;
  bool recursive = false;
  std::string probes;
  std::string family;
  std::string pod_to_node = "allow";
};

class Answerer {
 public:
  Answerer(const compiler::Cluster& cluster, const Options& options) : cluster_(cluster) {
    compile_.pod_to_node_enforce = options.pod_to_node == "enforce";
    if (options.family == "ipv4") family_ = ipset::Family::kIPv4;
    if (options.family == "ipv6") family_ = ipset::Family::kIPv6;
  }

  // One line of the answer. `ok` is cleared when the probe cannot be read or one of its ends is not
  // there.
  Json Answer(const std::string& line, bool* ok) {
    std::string error;
    std::optional<compiler::FlowQuery> flow = compiler::ParseFlowQuery(line, &error);
    if (flow) flow->family = family_;
    const std::optional<compiler::Path> path =
        flow ? compiler::PathOf(cluster_, *flow, &error) : std::nullopt;
    if (!path) {
      *ok = false;
      return {{"probe", line}, {"error", error}};
    }
    Json json = {{"from", ToString(flow->from)}, {"to", ToString(flow->to)}};
    if (path->packet) {
      const compiler::PathVerdict verdict =
          compiler::Follow(*path, [this](const std::string& node) { return RulesetOf(node); });
      json["verdict"] = verdict.allowed ? "allow" : "deny";
      json["trace"] = verdict.trace;
    } else {
      json["verdict"] = "unknown";
      json["trace"] = {"an end has no known address: there is no packet to follow"};
    }
    return json;
  }

 private:
  const nft::Ruleset* RulesetOf(const std::string& node) {
    auto found = rulesets_.find(node);
    if (found == rulesets_.end()) {
      found = rulesets_.emplace(node, Compile(compiler::BuildIr(cluster_, node), compile_)).first;
    }
    return &found->second;
  }

  const compiler::Cluster& cluster_;
  compiler::CompileOptions compile_;
  std::optional<ipset::Family> family_;
  std::map<std::string, nft::Ruleset> rulesets_;
};

int Run(const Options& options) {
  const compiler::LoadResult input = compiler::LoadPaths(options.files, options.recursive);
  for (const compiler::Diagnostic& diagnostic : input.diagnostics)
    std::cerr << diagnostic.ToString() << '\n';
  std::ifstream file;
  if (options.probes != "-") {
    file.open(options.probes);
    if (!file) {
      std::cerr << "podgate_interpret: cannot read the probes in " << options.probes << '\n';
      return kExitBadInput;
    }
  }
  std::istream& probes = options.probes == "-" ? std::cin : file;
  Answerer answerer(input.cluster, options);
  bool ok = !input.HasErrors();
  for (std::string line; std::getline(probes, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    std::cout << answerer.Answer(line, &ok).dump(-1, ' ', false, Json::error_handler_t::replace)
              << '\n';
  }
  return ok ? 0 : kExitBadInput;
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  Options options;
  CLI::App app("Answers probes by interpreting the nodes' compiled rulesets", "podgate_interpret");
  app.add_option("-f,--filename", options.files, "Manifests: FILE, DIR, or -")
      ->required()
      ->allow_extra_args(false);
  app.add_flag("-R,--recursive", options.recursive, "Take directories with all below them");
  app.add_option("--probes", options.probes, "FILE or -: FROM TO:PORT/PROTO on each line")
      ->required();
  app.add_option("--family", options.family, "ipv4 or ipv6")
      ->check(CLI::IsMember({"ipv4", "ipv6"}));
  app.add_option("--pod-to-node", options.pod_to_node, "allow or enforce")
      ->check(CLI::IsMember({"allow", "enforce"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  return Run(options);
}
