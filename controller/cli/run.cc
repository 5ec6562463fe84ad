#include "controller/cli/run.h"

#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "controller/base/exit_code.h"
#include "controller/base/signals.h"
#include "controller/base/version.h"
#include "controller/cli/agent.h"
#include "controller/cli/kernel_seams.h"
#include "controller/transport/kubeconfig.h"

namespace podgate::controller {
namespace {

int Fail(int code, const std::string& message) {
  std::fprintf(stderr, "podgate: %s\n", message.c_str());
  return code;
}

// Reads everything once, so that a wrong path or an empty file is said at the start and not in a
// log line.
int CheckAccess(const RunOptions& options, Result<ApiAccess>* access) {
  AccessOptions access_options;
  access_options.kubeconfig = options.kubeconfig;
  access_options.context = options.context;
  *access = FindAccess(access_options);
  if (!access->ok()) {
    const bool usage = access->status().code() == Status::Code::kNotFound;
    return Fail(usage ? kExitUsage : kExitBadInput, access->status().message());
  }
  const auto credentials = ReadCredentials(access->value());
  return credentials.ok() ? kExitOk : Fail(kExitBadInput, credentials.status().message());
}

}  // namespace

int Run(const RunOptions& options) {
  // Two arenas instead of eight for each core: the agent's few threads do not fight for memory.
  ::mallopt(M_ARENA_MAX, 2);
  const std::string node =
      options.node.empty() ? ProcessEnvironment("NODE_NAME").value_or("") : options.node;
  if (node.empty())
    return Fail(kExitUsage,
                "the name of this node is not known; give --node NAME or set NODE_NAME");

  Logger log(options.log_format, options.log_level);
  Result<ApiAccess> access = Status(Status::Code::kOther, "");
  if (const int code = CheckAccess(options, &access); code != kExitOk) return code;

  StopSignals signals;
  auto kernel = OpenKernel(options.dry_run, &log);
  if (!kernel.ok()) return Fail(kExitUnreachable, kernel.status().message());
  auto monitor = OpenCommitMonitor(options.dry_run, &log);
  if (const Status status = InitialiseTransports(); !status.ok())
    return Fail(kExitUnreachable, status.message());
  Agent agent(options, node, access.value(), std::move(kernel).value(), std::move(monitor), &log);
  log.Info(LogMessages::kAgentStarting, {{"version", Version()},
                                         {"node", node},
                                         {"server", access.value().Url()},
                                         {"as", access.value().origin},
                                         {"dry_run", options.dry_run}});
  signals.Start([&](int signal) {
    log.Info(LogMessages::kAgentStopping, {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
    agent.Stop();
  });
  agent.Run();
  signals.End();  // the call of Stop() may not be through yet
  if (agent.Hangs()) std::_Exit(kExitOk);
  return kExitOk;
}

}  // namespace podgate::controller
