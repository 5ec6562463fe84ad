#include "controller/cli/run.h"

#include <malloc.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "controller/base/exit_code.h"
#include "controller/base/instance_lock.h"
#include "controller/base/memory_limit.h"
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

constexpr std::size_t kKiB = 1u << 10;
constexpr std::size_t kMiB = 1u << 20;

// The process that has this lock is the agent of its network namespace.
constexpr const char* kLockName = "podgate";
// In an update the old agent may still be ending while the new one starts.
constexpr std::chrono::seconds kLockPatience{3};

// What a second agent says of the first: its process's number may mean nothing to the reader.
std::string IntroductionOf(const std::string& node) {
  const auto pod = ProcessEnvironment("POD_NAME");
  const auto ns = ProcessEnvironment("POD_NAMESPACE");
  std::string text = "node " + node;
  if (pod && ns && !pod->empty() && !ns->empty()) text += ", pod " + *ns + "/" + *pod;
  return text;
}

// Exit code, kExitOk to go on.
int BeTheOnlyAgent(InstanceLock* lock, Logger* log) {
  switch (lock->Take(kLockPatience)) {
    case InstanceLock::Outcome::kTaken:
      break;
    case InstanceLock::Outcome::kHeld:
      return Fail(kExitUsage, "another agent (" + lock->reason() +
                                  ") enforces the policies in this network namespace; stop it "
                                  "before you start a second one");
    case InstanceLock::Outcome::kUnavailable:
      log->Warn(LogMessages::kNoInstanceLock, {{"reason", lock->reason()}});
      break;
  }
  return kExitOk;
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
  InstanceLock lock(kLockName, IntroductionOf(node));
  if (!options.dry_run) {
    if (const int code = BeTheOnlyAgent(&lock, &log); code != kExitOk) return code;
  }
  Result<ApiAccess> access = Status(Status::Code::kOther, "");
  if (const int code = CheckAccess(options, &access); code != kExitOk) return code;

  StopSignals signals;
  auto kernel = OpenKernel(options.dry_run, &log);
  if (!kernel.ok()) return Fail(kExitUnreachable, kernel.status().message());
  auto monitor = OpenCommitMonitor(options.dry_run, &log);
  if (const Status status = InitialiseTransports(); !status.ok())
    return Fail(kExitUnreachable, status.message());
  lock.Answer();
  const auto memory = MemoryLimit();
  const Limits limits = LimitsFor(memory, options.limits);
  Agent agent(options, limits, node, access.value(), std::move(kernel).value(), std::move(monitor),
              &log);
  log.Info(LogMessages::kAgentStarting, {{"version", Version()},
                                         {"node", node},
                                         {"server", access.value().Url()},
                                         {"as", access.value().origin},
                                         {"dry_run", options.dry_run}});
  log.Info(LogMessages::kLimits,
           {{"memory_mib", memory ? std::to_string(*memory / kMiB) : "unlimited"},
            {"policies", limits.policies.namespace_objects},
            {"policy_kib", limits.policies.namespace_bytes / kKiB},
            {"pod_kib", limits.pods.namespace_bytes / kKiB},
            {"sets", limits.rules.sets},
            {"elements", limits.rules.elements}});
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
