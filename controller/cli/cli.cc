#include "controller/cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>

#include "controller/base/exit_code.h"
#include "controller/base/version.h"
#include "controller/cli/cleanup.h"
#include "controller/cli/cli_offline.h"
#include "controller/cli/daemonset_wait.h"
#include "controller/cli/prepare_node.h"
#include "controller/cli/run.h"

namespace podgate::controller {
namespace {

void AddInput(CLI::App* command, InputOptions* input) {
  command
      ->add_option("-f,--filename", input->paths,
                   "Manifests or dumps, YAML or JSON: FILE, DIR, or - for standard input")
      ->required()
      ->type_name("FILE|DIR|-")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_flag("-R,--recursive", input->recursive, "Take directories with all below them");
}

void AddPodToNode(CLI::App* command, bool* enforce) {
  command
      ->add_option_function<std::string>(
          "--pod-to-node", [enforce](const std::string& value) { *enforce = value == "enforce"; },
          "Traffic of a pod to its own node: allow (the default) or enforce")
      ->check(CLI::IsMember({"allow", "enforce"}));
}

void AddDeny(CLI::App* command, bool* reject) {
  command
      ->add_option_function<std::string>(
          "--deny", [reject](const std::string& value) { *reject = value == "reject"; },
          "What a denied packet meets: drop (the default) or reject")
      ->check(CLI::IsMember({"drop", "reject"}));
}

void AddDryRun(CLI::App* app, std::function<int()>* chosen) {
  auto options = std::make_shared<DryRunOptions>();
  CLI::App* command =
      app->add_subcommand("dry-run", "Print the ruleset that the manifests make on one node");
  AddInput(command, &options->input);
  command->add_option("--node", options->node, "The node; may be left out when there is only one");
  command->add_option("-o,--output", options->output, "nft, ir or json")
      ->check(CLI::IsMember({"nft", "ir", "json"}));
  AddPodToNode(command, &options->pod_to_node_enforce);
  AddDeny(command, &options->reject);
  command->callback([options, chosen] {
    *chosen = [options] { return DryRun(*options, std::cout, std::cerr); };
  });
}

void AddExplain(CLI::App* app, std::function<int()>* chosen) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = app->add_subcommand("explain",
                                          "Say whether a connection is allowed, and by what. Ends: "
                                          "NAMESPACE/POD, ip:ADDRESS, node:NAME");
  AddInput(command, &options->input);
  command
      ->add_option_function<std::string>(
          "--family",
          [options](const std::string& value) {
            options->family = value == "ipv6" ? compiler::Family::kIPv6 : compiler::Family::kIPv4;
          },
          "ipv4 or ipv6; without it IPv4 where both ends have it")
      ->check(CLI::IsMember({"ipv4", "ipv6"}));
  command
      ->add_option_function<std::string>(
          "-o,--output", [options](const std::string& value) { options->json = value == "json"; },
          "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  CLI::Option* probes = command->add_option(
      "--probes", options->probes,
      "FILE or -: a line 'FROM TO:PORT/PROTO' for each question, a JSON object a line out");
  CLI::Option* from = command->add_option("FROM", options->from, "Source");
  CLI::Option* to = command->add_option("TO", options->target, "Destination, TO:PORT[/PROTO]");
  probes->excludes(from)->excludes(to);
  AddPodToNode(command, &options->pod_to_node_enforce);
  command->callback([options, chosen] {
    if (options->probes.empty() && options->target.empty()) {
      throw CLI::ValidationError("explain", "needs FROM and TO:PORT[/PROTO], or --probes FILE");
    }
    const auto& paths = options->input.paths;
    if (options->probes == "-" && std::find(paths.begin(), paths.end(), "-") != paths.end()) {
      throw CLI::ValidationError("explain",
                                 "standard input cannot hold both the manifests (-f -) and the "
                                 "--probes; put one in a file");
    }
    *chosen = [options] { return Explain(*options, std::cout, std::cerr); };
  });
}

void AddListen(CLI::App* command, std::vector<ListenAddress>* listen) {
  command
      ->add_option_function<std::vector<std::string>>(
          "--listen",
          [listen](const std::vector<std::string>& values) {
            for (const std::string& value : values) {
              const auto address = ParseListenAddress(value);
              if (!address) {
                throw CLI::ValidationError(
                    "--listen", "'" + value +
                                    "' is none of ADDRESS:PORT, [IPV6]:PORT and :PORT, with a "
                                    "numeric address and a port from 1 to 65535");
              }
              listen->push_back(*address);
            }
          },
          "Serve /healthz, /readyz and /metrics here; may be repeated; without it nothing listens")
      ->type_name("ADDRESS:PORT")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void AddRun(CLI::App* app, std::function<int()>* chosen) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app->add_subcommand("run", "Enforce the policies on one node");
  command->add_option("--node", options->node, "The node's name in the cluster")
      ->envname("NODE_NAME");
  command->add_option("--kubeconfig", options->kubeconfig,
                      "Access to the API server; without it as kubectl, then as a pod");
  command->add_option("--context", options->context, "Context of the kubeconfig");
  command->add_flag("--dry-run", options->dry_run,
                    "Print each change as nft text and apply nothing");
  command->add_option("--log-format", options->log_format, "text or json, one line each")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Logger::Format>{
          {"text", Logger::Format::kText}, {"json", Logger::Format::kJson}}));
  command->add_option("--log-level", options->log_level, "debug, info, warning or error")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, LogLevel>{{"debug", LogLevel::kDebug},
                                                                  {"info", LogLevel::kInfo},
                                                                  {"warning", LogLevel::kWarning},
                                                                  {"error", LogLevel::kError}}));
  AddPodToNode(command, &options->pod_to_node_enforce);
  AddDeny(command, &options->reject);
  command
      ->add_option_function<std::string>(
          "--established",
          [options](const std::string& value) { options->keep_established = value == "keep"; },
          "Established flows that a change denies: cut (the default) or keep")
      ->check(CLI::IsMember({"cut", "keep"}));
  command
      ->add_option_function<std::string>(
          "--bridge-sysctl",
          [options](const std::string& value) { options->set_bridge_sysctl = value == "set"; },
          "net.bridge.bridge-nf-call-*, without which packets between pods on one bridge bypass "
          "the rules: set (the default) where it is needed and 0, or check")
      ->check(CLI::IsMember({"set", "check"}));
  AddListen(command, &options->listen);
  command->callback([options, chosen] { *chosen = [options] { return Run(*options); }; });
}

void AddCleanup(CLI::App* app, std::function<int()>* chosen) {
  auto stay = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand("cleanup", "Remove Podgate's table from the kernel");
  command->add_flag("--stay", *stay, "Then wait for SIGTERM, as a DaemonSet's pod must");
  command->callback(
      [stay, chosen] { *chosen = [stay] { return *stay ? CleanupAndStay() : Cleanup(); }; });
}

void AddPrepareNode(CLI::App* app, std::function<int()>* chosen) {
  auto best_effort = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand(
      "prepare-node",
      "Set the sysctls that make packets between pods of one bridge meet the rules");
  command->add_flag("--best-effort", *best_effort,
                    "Exit with 0 whatever comes of it: what cannot be set must not keep the agent "
                    "from starting, which says itself what bypasses the rules");
  command->callback([best_effort, chosen] {
    *chosen = [best_effort] {
      const int code = PrepareNode(std::cout, std::cerr);
      return *best_effort ? kExitOk : code;
    };
  });
}

void AddWaitDaemonSet(CLI::App* app, std::function<int()>* chosen) {
  auto wait = std::make_shared<DaemonSetWait>();
  CLI::App* command = app->add_subcommand(
      "wait-daemonset", "Wait until a DaemonSet is ready on all its nodes; for the chart's hooks");
  command
      ->add_option_function<std::string>(
          "DAEMONSET",
          [wait](const std::string& value) {
            const auto named = ParseDaemonSetName(value);
            if (!named) throw CLI::ValidationError("wait-daemonset", "needs NAMESPACE/NAME");
            wait->name_space = named->name_space;
            wait->name = named->name;
          },
          "NAMESPACE/NAME")
      ->required();
  command
      ->add_option_function<unsigned>(
          "--timeout", [wait](unsigned seconds) { wait->timeout = std::chrono::seconds(seconds); },
          "Seconds, 240 without it")
      ->check(CLI::Range(1, 3600));
  command->callback([wait, chosen] { *chosen = [wait] { return AwaitDaemonSet(*wait); }; });
}

}  // namespace

int Main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  CLI::App app("Podgate: NetworkPolicy for Kubernetes nodes, enforced with nftables", "podgate");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("podgate ") + Version());

  std::function<int()> chosen;
  AddDryRun(&app, &chosen);
  AddExplain(&app, &chosen);
  AddRun(&app, &chosen);
  AddCleanup(&app, &chosen);
  AddPrepareNode(&app, &chosen);
  AddWaitDaemonSet(&app, &chosen);
  app.add_subcommand("version", "Print the version")->callback([&chosen] {
    chosen = [] {
      std::cout << "podgate " << Version() << '\n';
      return static_cast<int>(kExitOk);
    };
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are answers, everything else is a usage error.
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return chosen();
}

}  // namespace podgate::controller
