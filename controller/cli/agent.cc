#include "controller/cli/agent.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "controller/base/version.h"
#include "controller/cli/kernel_seams.h"
#include "controller/http/process_stats.h"
#include "controller/node/node_addresses.h"
#include "controller/transport/kubeconfig.h"
#include "nft/conntrack/conntrack.h"

namespace podgate::controller {
namespace {

// A pod of the chart knows its own name.
EventSource SourceOfEvents(const std::string& node) {
  EventSource source{node, std::nullopt};
  const auto name = ProcessEnvironment("POD_NAME");
  const auto ns = ProcessEnvironment("POD_NAMESPACE");
  if (name && ns && !name->empty() && !ns->empty()) source.pod = compiler::ObjectKey{*ns, *name};
  return source;
}

FlowCuttingMode ModeOf(const RunOptions& options) {
  if (options.dry_run) return FlowCuttingMode::kOff;
  return options.keep_established ? FlowCuttingMode::kKeep : FlowCuttingMode::kCut;
}

Resource Within(Resource resource, const KnownObjects::Limits& limits) {
  resource.limits = limits;
  return resource;
}

}  // namespace

Agent::Agent(const RunOptions& options, const Limits& limits, const std::string& node,
             ApiAccess access, std::unique_ptr<nft::Kernel> kernel,
             std::unique_ptr<nft::Monitor> monitor, Logger* log)
    : options_(options),
      log_(log),
      kernel_(std::move(kernel)),
      monitor_(std::move(monitor)),
      source_guard_(!options.dry_run &&
                    PrepareSourceGuard(options.source_guard, kernel_.get(), log)),
      limiter_(&clock_),
      transport_(MakeTransport(std::move(access))),
      cutting_(
          ModeOf(options), [this] { queue_.Wake(); }, log),
      sender_(SourceOfEvents(node), transport_.get(), &limiter_, &clock_, log),
      board_(clock_.Now()),
      denied_(OpenCounters(options.dry_run)),
      links_(OpenNodeLinks()),
      bridge_guard_(options.set_bridge_filter && !options.dry_run, links_.get(), &clock_, log,
                    options.dry_run ? nullptr : &sender_),
      namespaces_(OpenNamespaceReader()),
      address_watch_(namespaces_.get(), &clock_, log, [this] { queue_.Wake(); }),
      node_lookup_(options.check_node
                       ? std::make_unique<NodeLookup>(node, transport_.get(), &limiter_, &clock_,
                                                      ReadNodeAddresses, [this] { queue_.Wake(); })
                       : nullptr),
      kernel_parts_(kernel_.get(), options.reject,
                    ModeOf(options) == FlowCuttingMode::kCut ? AskOver(nft::OpenConntrack)
                                                             : KernelParts::AskConntrack(),
                    &clock_, log, &sender_),
      ipvs_(IpvsInUse, &clock_, log),
      other_rules_(ListChains(), nft::Ruleset().table, log),
      loop_({node,
             {.pod_to_node_enforce = options.pod_to_node_enforce, .reject = options.reject},
             options.dry_run,
             options.node_renamed,
             true,
             limits.rules},
            kernel_.get(), &clock_, log,
            {.terminator = cutting_.terminator(),
             .forgetter = cutting_.forgetter(),
             .monitor = monitor_.get(),
             .board = &board_,
             .bridge_guard = &bridge_guard_,
             .events = options.dry_run ? nullptr : &sender_,
             .node_lookup = node_lookup_.get(),
             .address_watch = &address_watch_,
             .kernel_parts = options.dry_run ? nullptr : &kernel_parts_,
             .ipvs = &ipvs_,
             .netdev = source_guard_ ? kernel_.get() : nullptr}),
      reflectors_{Follow(Within(kNamespaces, limits.namespaces)),
                  Follow(Within(kNetworkPolicies, limits.policies)),
                  Follow(Within(kPods, limits.pods)), Follow(Within(PodsOf(node), limits.pods))} {}

Reflector Agent::Follow(Resource resource) {
  return {std::move(resource), transport_.get(), &limiter_, &clock_, log_, &queue_};
}

void Agent::Run() {
  const WakeOn commits(monitor_ ? monitor_->fd() : -1, [this] { queue_.Wake(); });
  const WakeOn changes(namespaces_->event_descriptor(), [this] { address_watch_.Notice(); });
  std::optional<HttpServer> server;
  if (!options_.listen.empty()) {
    server.emplace(
        options_.listen,
        [this](const HttpQuestion& question) {
          return AnswerPage(question,
                            question.path == "/metrics" ? StatusWithCounters() : Status());
        },
        log_, HttpServer::Limits());
  }
  std::array<std::jthread, std::tuple_size_v<decltype(reflectors_)>> watching;
  for (std::size_t i = 0; i < watching.size(); ++i) {
    watching.at(i) = std::jthread([&reflector = reflectors_.at(i)] { reflector.Run(); });
  }
  std::jthread looking_up;
  if (node_lookup_) looking_up = std::jthread([this] { node_lookup_->Run(); });
  cutting_.Start();
  const std::jthread telling([this] { sender_.Run(); });
  std::jthread guarding([this] { bridge_guard_.Run(); });
  std::jthread learning([this] { address_watch_.Run(); });
  std::jthread listing([this] { other_rules_.Run(); });
  loop_.Run(&queue_);
  other_rules_.Stop();
  listing.join();
  bridge_guard_.Stop();
  address_watch_.Stop();
  guarding.join();
  learning.join();
  if (node_lookup_) node_lookup_->Stop();
  sender_.Stop();
  server.reset();
  cutting_.Stop();
}

void Agent::Stop() {
  clock_.Stop();
  limiter_.Stop();
  transport_->Cancel();
  queue_.Close();  // last: it lets Run() end, and with it all that this refers to
}

AgentStatus Agent::Status() {
  AgentStatus now;
  now.now = clock_.Now();
  now.version = Version();
  now.loop = board_.Read();
  now.last_news.fill(now.now);
  for (const Reflector& reflector : reflectors_) {
    Clock::Time& news = now.last_news.at(PlaceOf(reflector.kind()));
    news = std::min(news, reflector.last_news());  // of the two streams of pods the older
  }
  now.bridge = bridge_guard_.report();
  if (cutting_.terminator() != nullptr) {
    const FlowTerminator::Counters flows = cutting_.terminator()->counters();
    now.cut_flows = flows.cut;
    now.cut_flow_entries = flows.tombstones;
    now.displaced_cut_flow_entries = flows.displaced;
  }
  now.addresses = address_watch_.report();
  now.other_rules = other_rules_.found();
  now.process = ReadProcessStats();
  return now;
}

AgentStatus Agent::StatusWithCounters() {
  AgentStatus now = Status();
  now.denied_packets = denied_.Read();
  return now;
}

}  // namespace podgate::controller
