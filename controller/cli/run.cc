#include "controller/cli/run.h"

#include <malloc.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "controller/agent/flow_terminator.h"
#include "controller/agent/loop.h"
#include "controller/base/signals.h"
#include "controller/base/version.h"
#include "controller/base/wake.h"
#include "controller/cli/printing_kernel.h"
#include "controller/http/process_stats.h"
#include "controller/http/status_pages.h"
#include "controller/node/node_addresses.h"
#include "controller/transport/kubeconfig.h"
#include "controller/transport/transport.h"
#include "controller/watch/event_sender.h"
#include "controller/watch/reflector.h"
#include "nft/conntrack/conntrack.h"
#include "nft/kernel/monitor.h"
#include "nft/kernel/netlink.h"

namespace podgate::controller {
namespace {

int Fail(int code, const std::string& message) {
  std::fprintf(stderr, "podgate: %s\n", message.c_str());
  return code;
}

// Reads everything once, so that a wrong path or an empty file is said at the start and not in a
// log line.
int CheckAccess(const AccessOptions& options, Result<ApiAccess>* access) {
  *access = FindAccess(options);
  if (!access->ok()) {
    const bool usage = access->status().code() == Status::Code::kNotFound;
    return Fail(usage ? kExitUsage : kExitBadInput, access->status().message());
  }
  const auto credentials = ReadCredentials(access->value());
  return credentials.ok() ? kExitOk : Fail(kExitBadInput, credentials.status().message());
}

nft::Result<std::unique_ptr<nft::Kernel>> OpenKernel(bool dry_run, Logger* log) {
  auto real = nft::OpenNetlink();
  if (!dry_run) return real;
  std::optional<nft::Ruleset> start;
  if (real.ok()) {
    auto table = real.value()->Read(nft::Ruleset().table);
    if (table.ok()) start = std::move(table).value();
  } else {
    log->Info("cannot read this node's table, printing all of it",
              {{"reason", real.status().message()}});
  }
  return std::unique_ptr<nft::Kernel>(std::make_unique<PrintingKernel>(stdout, std::move(start)));
}

// A pod of the chart knows its own name.
EventSource SourceOfEvents(const std::string& node) {
  EventSource source{node, std::nullopt};
  const auto name = ProcessEnvironment("POD_NAME");
  const auto ns = ProcessEnvironment("POD_NAMESPACE");
  if (name && ns && !name->empty() && !ns->empty()) source.pod = compiler::ObjectKey{*ns, *name};
  return source;
}

// nullptr where nobody can be heard; a dry run does not look at what others do.
std::unique_ptr<nft::Monitor> ListenToOthers(bool dry_run, Logger* log) {
  if (dry_run) return nullptr;
  auto monitor = nft::OpenMonitor();
  if (monitor.ok()) return std::move(monitor).value();
  log->Warn("cannot hear who changes rules, asking twice a second",
            {{"reason", monitor.status().message()}});
  return nullptr;
}

// Cuts flows from its own thread while it lives; does nothing where that is not wanted or not
// possible.
class Cutting {
 public:
  Cutting(const RunOptions& options, MessageQueue* queue, Logger* log) {
    if (options.dry_run) return;
    auto conntrack = nft::OpenConntrack();
    nft::Status problem = conntrack.status();
    if (conntrack.ok()) {
      conntrack_ = std::move(conntrack).value();
      if (!options.keep_established) {
        cutter_ = std::make_unique<FlowTerminator>(conntrack_.get(), ReadNodeAddresses, log,
                                                   [queue] { queue->Wake(); });
        return;
      }
      // Those that an agent without the option put would keep flows from coming back.
      problem = nft::RemoveTombstones(conntrack_.get()).status();
    }
    if (!problem.ok()) {
      log->Error(options.keep_established
                     ? "cannot take away the tombstones of flows that were cut"
                     : "cannot cut established flows: what is denied later lives on",
                 {{"problem", problem.message()}});
    }
  }
  ~Cutting() { Stop(); }
  FlowTerminator* cutter() { return cutter_.get(); }
  void Start() {
    if (cutter_) thread_ = std::jthread([this] { cutter_->Run(); });
  }
  void Stop() {
    if (cutter_) cutter_->Stop();
  }

 private:
  std::unique_ptr<nft::Conntrack> conntrack_;
  std::unique_ptr<FlowTerminator> cutter_;
  std::jthread thread_;
};

}  // namespace

int Run(const RunOptions& options) {
  // Two arenas instead of eight for each core: the agent's few threads do not fight for memory.
  ::mallopt(M_ARENA_MAX, 2);
  const std::string node =
      options.node.empty() ? ProcessEnvironment("NODE_NAME").value_or("") : options.node;
  if (node.empty())
    return Fail(kExitUsage, "which node is this? Give --node NAME or set NODE_NAME");

  Logger log(options.log_format, options.log_level);
  Result<ApiAccess> access = Status(Status::Code::kOther, "");
  AccessOptions access_options;
  access_options.kubeconfig = options.kubeconfig;
  access_options.context = options.context;
  if (const int code = CheckAccess(access_options, &access); code != kExitOk) return code;

  StopSignals signals;
  auto kernel = OpenKernel(options.dry_run, &log);
  if (!kernel.ok()) return Fail(kExitUnreachable, kernel.status().message());
  const std::unique_ptr<nft::Monitor> monitor = ListenToOthers(options.dry_run, &log);
  InitialiseTransports();

  SystemClock clock;
  RequestLimiter gate(&clock);
  MessageQueue queue;
  const std::unique_ptr<HttpTransport> transport = MakeTransport(access.value());
  Cutting cutting(options, &queue, &log);
  EventSender sender(SourceOfEvents(node), transport.get(), &gate, &clock, &log);
  EventSink* const events = options.dry_run ? nullptr : &sender;
  AgentStatsBoard board(clock.Now());
  const std::unique_ptr<NodeLinks> links = OpenNodeLinks();
  BridgeGuard guard(options.set_bridge_sysctl && !options.dry_run, links.get(), &clock, &log,
                    events);
  Loop loop({node,
             {.pod_to_node_enforce = options.pod_to_node_enforce, .reject = options.reject},
             options.dry_run},
            kernel.value().get(), &clock, &log, cutting.cutter(), monitor.get(), &board, &guard,
            events);
  const WakeOn others(monitor ? monitor->fd() : -1, [&queue] { queue.Wake(); });
  log.Info("starting", {{"version", Version()},
                        {"node", node},
                        {"server", access.value().Url()},
                        {"as", access.value().origin},
                        {"dry_run", options.dry_run}});
  signals.Start([&](int signal) {
    log.Info("stopping, the rules stay", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
    clock.Stop();
    gate.Stop();
    transport->Cancel();
    queue.Close();  // last: it lets the loop end, and with it all that this refers to
  });

  std::array reflectors{Reflector(kNamespaces, transport.get(), &gate, &clock, &log, &queue),
                        Reflector(kNetworkPolicies, transport.get(), &gate, &clock, &log, &queue),
                        Reflector(kPods, transport.get(), &gate, &clock, &log, &queue)};
  const auto status = [&] {
    AgentStatus now;
    now.now = clock.Now();
    now.version = Version();
    now.loop = board.Read();
    for (const Reflector& reflector : reflectors)
      now.last_news.at(PlaceOf(reflector.kind())) = reflector.last_news();
    now.bridge = guard.report();
    if (cutting.cutter() != nullptr) now.cut_flows = cutting.cutter()->counters().cut;
    now.process = ReadProcessStats();
    return now;
  };
  std::optional<HttpServer> server;
  if (!options.listen.empty()) {
    server.emplace(
        options.listen,
        [&status](const HttpQuestion& question) { return AnswerPage(question, status()); }, &log,
        HttpServer::Limits());
  }
  std::array<std::jthread, reflectors.size()> threads;
  for (std::size_t i = 0; i < reflectors.size(); ++i) {
    threads[i] = std::jthread([&reflector = reflectors[i]] { reflector.Run(); });
  }
  cutting.Start();
  std::jthread telling([&sender] { sender.Run(); });
  std::jthread guarding([&guard] { guard.Run(); });
  loop.Run(&queue);
  guard.Stop();
  guarding.join();
  sender.Stop();
  telling.join();
  server.reset();
  cutting.Stop();
  for (std::jthread& thread : threads) thread.join();
  if (transport->Hangs()) std::_Exit(kExitOk);
  return kExitOk;
}

}  // namespace podgate::controller
