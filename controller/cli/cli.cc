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
#include "controller/cli/run.h"
#include "controller/cli/usage.h"
#include "controller/cli/version_command.h"

namespace podgate::controller {
namespace {

void AddInput(CLI::App* command, InputOptions* input) {
  command
      ->add_option("-f,--filename", input->paths,
                   "Manifests or dumps (YAML, JSON); - for standard input")
      ->required()
      ->type_name("FILE|DIR|-")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_flag("-R,--recursive", input->recursive, "Process the directories recursively");
  command->add_flag("--strict", input->strict,
                    "Exit with 4 if a document is not a Kubernetes object");
  command->add_flag("-q,--quiet", input->quiet, "No summary of what was read");
}

void AddPodToNode(CLI::App* command, bool* enforce) {
  command
      ->add_option_function<std::string>(
          "--pod-to-node", [enforce](const std::string& value) { *enforce = value == "enforce"; },
          "Traffic of a pod to its own node (default: allow)")
      ->check(CLI::IsMember({"allow", "enforce"}));
}

void AddDeny(CLI::App* command, bool* reject) {
  command
      ->add_option_function<std::string>(
          "--deny", [reject](const std::string& value) { *reject = value == "reject"; },
          "Action for denied packets (default: drop)")
      ->check(CLI::IsMember({"drop", "reject"}));
}

void AddDryRun(CLI::App* app, std::function<int()>* chosen) {
  auto options = std::make_shared<DryRunOptions>();
  CLI::App* command =
      app->add_subcommand("dry-run", "Print the ruleset that manifests produce on a node");
  AddInput(command, &options->input);
  command->add_option("--node", options->node,
                      "Name of the node (default: the only one in the input)");
  command->add_option("-o,--output", options->output, "Output format (default: nft)")
      ->check(CLI::IsMember({"nft", "ir", "json"}));
  AddPodToNode(command, &options->pod_to_node_enforce);
  AddDeny(command, &options->reject);
  command->add_flag("--ipvs", options->ipvs, "Rules of a node where kube-proxy uses IPVS");
  command->footer("Exit codes: 0 printed, 2 wrong usage, 3 output not written, 4 bad input");
  command->callback([options, chosen] {
    *chosen = [options] { return DryRun(*options, std::cout, std::cerr); };
  });
}

void AddExplain(CLI::App* app, std::function<int()>* chosen) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command =
      app->add_subcommand("explain", "Explain whether a connection is allowed, and why");
  AddInput(command, &options->input);
  command
      ->add_option_function<std::string>(
          "--family",
          [options](const std::string& value) {
            options->family = value == "ipv6" ? compiler::Family::kIPv6 : compiler::Family::kIPv4;
          },
          "Address family (default: ipv4 if both ends have it)")
      ->check(CLI::IsMember({"ipv4", "ipv6"}));
  command
      ->add_option_function<std::string>(
          "-o,--output", [options](const std::string& value) { options->json = value == "json"; },
          "Output format (default: text)")
      ->check(CLI::IsMember({"text", "json"}));
  command->add_option("--probes", options->probes,
                      "File of questions, one FROM TO:PORT/PROTO per line, or -");
  command->add_option("FROM", options->from, "Source: NAMESPACE/POD, ip:ADDRESS or node:NAME");
  command->add_option("TO", options->target, "Destination: as FROM, with :PORT[/PROTO]");
  AddPodToNode(command, &options->pod_to_node_enforce);
  command->footer(
      "Exit codes: 0 allowed, 1 denied, 2 wrong usage, 3 output not written, 4 bad input");
  command->callback([options, chosen] {
    if (options->probes.empty() && options->target.empty()) {
      throw CLI::ValidationError("explain", "needs FROM and TO:PORT[/PROTO], or --probes FILE");
    }
    if (!options->probes.empty() && !options->from.empty()) {
      throw CLI::ValidationError("--probes", "cannot be given together with FROM and TO");
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
                                    "' is not a listen address: give ADDRESS:PORT, [IPV6]:PORT or "
                                    ":PORT, with localhost or a numeric address and a port from "
                                    "1 to 65535");
              }
              listen->push_back(*address);
            }
          },
          "Address for probes and metrics, repeatable (default: none)")
      ->type_name("ADDRESS:PORT")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// By names and not by CLI11's transformers, whose help shows the enumerators' bytes.
void AddLog(CLI::App* command, RunOptions* options) {
  command
      ->add_option_function<std::string>(
          "--log-format",
          [options](const std::string& value) {
            options->log_format = value == "json" ? Logger::Format::kJson : Logger::Format::kText;
          },
          "Log format (default: text)")
      ->check(CLI::IsMember({"text", "json"}));
  command
      ->add_option_function<std::string>(
          "--log-level",
          [options](const std::string& value) {
            options->log_level = value == "debug"     ? LogLevel::kDebug
                                 : value == "warning" ? LogLevel::kWarning
                                 : value == "error"   ? LogLevel::kError
                                                      : LogLevel::kInfo;
          },
          "Lowest level to log (default: info)")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
}

void AddRun(CLI::App* app, std::function<int()>* chosen) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app->add_subcommand("run", "Enforce the policies on this node");
  command->add_option("--node", options->node, "Name of this node in the cluster")
      ->envname("NODE_NAME");
  command
      ->add_option_function<std::string>(
          "--node-check",
          [options](const std::string& value) { options->check_node = value == "on"; },
          "Compare the node with this machine (default: on)")
      ->check(CLI::IsMember({"on", "off"}));
  command->add_flag("--node-renamed", options->node_renamed,
                    "Take over the table of another node's name");
  command->add_option("--kubeconfig", options->kubeconfig,
                      "Kubeconfig path (default: as kubectl, then in-cluster)");
  command->add_option("--context", options->context,
                      "Kubeconfig context (default: current-context)");
  command->add_flag("--dry-run", options->dry_run,
                    "Print changes as nft text without applying them");
  AddLog(command, options.get());
  AddPodToNode(command, &options->pod_to_node_enforce);
  AddDeny(command, &options->reject);
  command
      ->add_option_function<std::string>(
          "--established",
          [options](const std::string& value) { options->keep_established = value == "keep"; },
          "Established flows that a change denies (default: cut)")
      ->check(CLI::IsMember({"cut", "keep"}));
  command
      ->add_option_function<std::string>(
          "--bridge-filter",
          [options](const std::string& value) { options->set_bridge_filter = value == "set"; },
          "Filtering on the bridges of pods (default: set)")
      ->check(CLI::IsMember({"set", "check"}));
  command
      ->add_option_function<std::string>(
          "--source-guard",
          [options](const std::string& value) { options->source_guard = value == "full"; },
          "Check of the addresses that pods send from (default: full)")
      ->check(CLI::IsMember({"full", "off"}));
  command
      ->add_option_function<std::string>(
          "--limits",
          [options](const std::string& value) {
            if (std::string wrong = ParseLimits(value, &options->limits); !wrong.empty())
              throw CLI::ValidationError("--limits", wrong);
          },
          "What one namespace may cost (default: see README)")
      ->type_name("NAME=NUMBER,...");
  AddListen(command, &options->listen);
  command->footer(
      "Exit codes: 0 stopped by a signal, 2 wrong usage, 3 no access to the kernel,\n"
      "4 unreadable kubeconfig");
  command->callback([options, chosen] { *chosen = [options] { return Run(*options); }; });
}

void AddCleanup(CLI::App* app, std::function<int()>* chosen) {
  auto stay = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand("cleanup", "Remove Podgate's table and cut-flow entries");
  command->add_flag("--stay", *stay, "Keep running until SIGTERM (for DaemonSets)");
  command->footer("Exit codes: 0 removed, 2 wrong usage, 3 no access to the kernel");
  command->callback(
      [stay, chosen] { *chosen = [stay] { return *stay ? CleanupAndStay() : Cleanup(); }; });
}

void AddWaitDaemonSet(CLI::App* app, std::function<int()>* chosen) {
  auto wait = std::make_shared<DaemonSetWait>();
  CLI::App* command =
      app->add_subcommand("wait-daemonset", "Wait until a DaemonSet is ready on all its nodes");
  command
      ->add_option_function<std::string>(
          "DAEMONSET",
          [wait](const std::string& value) {
            const auto named = ParseDaemonSetName(value);
            if (!named) throw CLI::ValidationError("wait-daemonset", "expected NAMESPACE/NAME");
            wait->name_space = named->name_space;
            wait->name = named->name;
          },
          "DaemonSet as NAMESPACE/NAME")
      ->required();
  command
      ->add_option_function<unsigned>(
          "--timeout", [wait](unsigned seconds) { wait->timeout = std::chrono::seconds(seconds); },
          "Timeout in seconds (default: 240)")
      ->check(CLI::Range(1, 3600));
  command->footer(
      "Exit codes: 0 ready, 1 not ready in time, 2 wrong usage,\n"
      "3 no access to the network, 4 unreadable kubeconfig");
  command->callback([wait, chosen] { *chosen = [wait] { return AwaitDaemonSet(*wait); }; });
}

void AddVersion(CLI::App* app, std::function<int()>* chosen) {
  auto output = std::make_shared<std::string>("text");
  CLI::App* command = app->add_subcommand("version", "Print the version");
  command->add_option("-o,--output", *output, "Output format (default: text)")
      ->check(CLI::IsMember({"text", "json", "yaml"}));
  command->footer("Exit codes: 0 printed, 2 wrong usage, 3 output not written");
  command->callback([output, chosen] {
    *chosen = [output] {
      PrintVersion(*output, std::cout);
      return static_cast<int>(kExitOk);
    };
  });
}

int Fail(const std::string& sentence) {
  std::cerr << "podgate: " << sentence << '\n';
  return kExitUsage;
}

void AddHelp(CLI::App* app, std::function<int()>* chosen) {
  auto asked = std::make_shared<std::string>();
  CLI::App* command = app->add_subcommand("help", "Print the help of a command");
  command->add_option("COMMAND", *asked, "Name of the command (default: the list of commands)");
  command->footer("Exit codes: 0 printed, 2 wrong usage, 3 output not written");
  command->callback([app, asked, chosen] {
    *chosen = [app, asked] {
      const CLI::App* about = FindCommand(*app, *asked);
      if (about == nullptr && !asked->empty()) return Fail(UnknownCommand(*app, *asked));
      // The program's own help is that of the chosen command, once one is.
      if (about == nullptr) {
        app->clear();
        std::cout << app->help();
      } else {
        std::cout << about->help(app->get_name());
      }
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app("Podgate enforces Kubernetes NetworkPolicies with nftables", "podgate");
  app.require_subcommand(1);
  app.set_version_flag("-v,--version", std::string("podgate ") + Version());
  app.footer("Exit codes: 0 yes, 1 no, 2 wrong usage, 3 cannot tell or write, 4 bad input");

  std::function<int()> chosen;
  AddDryRun(&app, &chosen);
  AddExplain(&app, &chosen);
  AddRun(&app, &chosen);
  AddCleanup(&app, &chosen);
  AddWaitDaemonSet(&app, &chosen);
  AddVersion(&app, &chosen);
  AddHelp(&app, &chosen);

  if (argc > 1 && IsUnknownCommand(app, argv[1])) return Fail(UnknownCommand(app, argv[1]));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are answers, everything else is a usage error.
    if (error.get_exit_code() == 0) return app.exit(error, std::cout, std::cerr);
    return Fail(UsageProblem(app, error));
  }
  return chosen();
}

}  // namespace podgate::controller
