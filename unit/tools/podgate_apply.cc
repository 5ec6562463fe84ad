// podgate_apply -f FILE… --node NAME: compiles the node's ruleset and applies the difference to the
// kernel of the current network namespace through netlink, as the agent does. Prints how many steps
// and operations that took; with --dump also the table as read back. Needs CAP_NET_ADMIN there.
//
// Exit codes as podgate's: 0, 2 usage, 3 the kernel refused, 4 bad input (what could be read is
// applied).

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "compiler/load/load_files.h"
#include "nft/kernel/kernel.h"
#include "nft/kernel/netlink.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"

namespace {

using namespace podgate;

constexpr int kExitUsage = 2;
constexpr int kExitKernel = 3;
constexpr int kExitBadInput = 4;
// Somebody else's commits can get between our read and our write; then the difference is taken
// again.
constexpr int kAttempts = 3;

struct Options {
  std::vector<std::string> files;
  bool recursive = false;
  std::string node;
  std::string pod_to_node = "allow";
  std::string deny = "drop";
  bool dump = false;
};

nft::Status Apply(nft::Kernel* kernel, const nft::Ruleset& desired) {
  nft::Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const nft::Result<std::optional<nft::Ruleset>> applied = kernel->Read(desired.table);
    if (!applied.ok()) return applied.status();
    const nft::Ruleset* before = applied.value() ? &*applied.value() : nullptr;
    const std::vector<nft::Step> steps = nft::Diff(before, desired);
    status = nft::CommitAll(kernel, steps);
    if (!status.ok()) continue;
    std::size_t operations = 0;
    for (const nft::Step& step : steps) operations += step.operations.size();
    std::cout << steps.size() << " steps, " << operations << " operations\n";
    return status;
  }
  return status;
}

int Run(const Options& options) {
  const compiler::LoadResult input = compiler::LoadPaths(options.files, options.recursive);
  for (const compiler::Diagnostic& diagnostic : input.diagnostics)
    std::cerr << diagnostic.ToString() << '\n';
  const bool unreadable =
      std::any_of(input.diagnostics.begin(), input.diagnostics.end(),
                  [](const compiler::Diagnostic& diagnostic) {
                    return diagnostic.severity == compiler::Diagnostic::Severity::kError &&
                           diagnostic.object.empty();
                  });
  if (unreadable) return kExitBadInput;
  compiler::CompileOptions compile;
  compile.pod_to_node_enforce = options.pod_to_node == "enforce";
  compile.reject = options.deny == "reject";
  const nft::Ruleset desired = Compile(compiler::BuildIr(input.cluster, options.node), compile);

  nft::Result<std::unique_ptr<nft::Kernel>> kernel = nft::OpenNetlink();
  nft::Status status = kernel.status();
  if (status.ok()) status = Apply(kernel.value().get(), desired);
  if (status.ok() && options.dump) {
    const nft::Result<std::optional<nft::Ruleset>> held = kernel.value()->Read(desired.table);
    status = held.status();
    if (held.ok() && held.value()) std::cout << nft::Print(*held.value());
  }
  if (!status.ok()) {
    std::cerr << "podgate_apply: " << status.message() << '\n';
    return kExitKernel;
  }
  return input.HasErrors() ? kExitBadInput : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Programs a node's ruleset into the kernel of this network namespace",
               "podgate_apply");
  app.add_option("-f,--filename", options.files, "Manifests: FILE, DIR, or -")
      ->required()
      ->allow_extra_args(false);
  app.add_flag("-R,--recursive", options.recursive, "Take directories with all below them");
  app.add_option("--node", options.node, "The node")->required();
  app.add_option("--pod-to-node", options.pod_to_node, "allow or enforce")
      ->check(CLI::IsMember({"allow", "enforce"}));
  app.add_option("--deny", options.deny, "drop or reject")
      ->check(CLI::IsMember({"drop", "reject"}));
  app.add_flag("--dump", options.dump, "Print the table as the kernel holds it afterwards");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  return Run(options);
}
