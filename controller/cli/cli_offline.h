// The commands that need neither a cluster nor a kernel: manifests and dumps in, answers out.
//
// Data goes to `out`, talk to `err`; the return value is the exit code. Both may be called from any
// thread; they read the files named in the options and nothing else.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "compiler/model/model.h"

namespace podgate::controller {

struct InputOptions {
  std::vector<std::string> paths;  // FILE, DIR or "-"
  bool recursive = false;
  bool strict = false;  // what is no manifest is an error
  bool quiet = false;   // no line about what was read
};

struct DryRunOptions {
  InputOptions input;
  std::string node;            // empty: the only node there is
  std::string output = "nft";  // nft, ir or json
  bool pod_to_node_enforce = false;
  bool reject = false;
  bool ipvs = false;  // as on a node where IPVS forwards connections
};
int DryRun(const DryRunOptions& options, std::ostream& out, std::ostream& err);

struct ExplainOptions {
  InputOptions input;
  std::optional<compiler::Family> family;
  bool json = false;
  std::string from;  // both empty when `probes` is given
  std::string target;
  std::string probes;  // FILE or "-": a line for each question
  bool pod_to_node_enforce = false;
};
int Explain(const ExplainOptions& options, std::ostream& out, std::ostream& err);

}  // namespace podgate::controller
