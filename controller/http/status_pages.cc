#include "controller/http/status_pages.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/http/metrics_text.h"

namespace podgate::controller {
namespace {

double Seconds(Clock::Duration duration) { return std::chrono::duration<double>(duration).count(); }

HttpAnswer Text(int status, std::string body) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

HttpAnswer Health(const AgentStatus& status) {
  const auto since = status.now - status.loop.turned;
  if (since <= kStuckAfter) return Text(200, "ok\n");
  return Text(503, fmt::format("the agent's loop has been stuck for {:.0f} s: changes in the "
                               "cluster do not reach the kernel; restart the agent, the rules "
                               "stay in the kernel\n",
                               Seconds(since)));
}

HttpAnswer Readiness(const AgentStatus& status, bool verbose) {
  const std::vector<ReadinessCheck> checks = ReadinessChecks(status);
  const bool ready = std::all_of(checks.begin(), checks.end(),
                                 [](const ReadinessCheck& c) { return c.problem.empty(); });
  if (ready && !verbose) return Text(200, "ok\n");
  std::string body;
  for (const ReadinessCheck& check : checks) {
    if (verbose) {
      body += check.problem.empty() ? fmt::format("ok   {}\n", check.name)
                                    : fmt::format("FAIL {}: {}\n", check.name, check.problem);
    } else if (!check.problem.empty()) {
      body += check.problem + "\n";
    }
  }
  if (verbose && !status.bridge.note.empty())
    body += fmt::format("note no-bypass: {}\n", status.bridge.note);
  if (verbose && !status.addresses.note.empty())
    body += fmt::format("note addresses: {}\n", status.addresses.note);
  if (verbose) {
    for (const std::string& part : status.loop.missing_optional_parts)
      body += fmt::format("note kernel: {}\n", part);
    for (const std::string& sentence : status.other_rules)
      body += fmt::format("note other-rules: {}\n", sentence);
  }
  return Text(ready ? 200 : 503, std::move(body));
}

}  // namespace

std::vector<ReadinessCheck> ReadinessChecks(const AgentStatus& status) {
  std::vector<ReadinessCheck> checks;
  bool all_listed = true;
  for (std::size_t i = 0; i < kWatched.size(); ++i) {
    const bool listed = status.loop.listed.at(i);
    all_listed = all_listed && listed;
    const std::string name = kWatchedNames.at(i);
    checks.push_back({name + "-listed",
                      listed ? ""
                             : name + " have not been listed yet: the agent changes nothing in "
                                      "the kernel until pods, namespaces and networkpolicies are "
                                      "listed; its log says whether the API server refuses or "
                                      "cannot be reached"});
  }
  checks.push_back({"node", status.loop.node_problem});
  std::string applied;
  if (!status.loop.settled && !status.loop.node_problem.empty()) {
    applied = "the rules in the kernel stay as they are until the node's name is right";
  } else if (!status.loop.settled && !status.loop.missing_parts.empty()) {
    for (const std::string& part : status.loop.missing_parts)
      applied += (applied.empty() ? "" : "; ") + part;
  } else if (!status.loop.settled) {
    applied = all_listed ? "the kernel does not hold the current rules; the agent retries, its "
                           "log says what the kernel refused"
                         : "no rules have been applied since the agent started: the rules of an "
                           "earlier agent, if there was one, are in force";
  }
  checks.push_back({"rules-applied", std::move(applied)});
  std::string bypass;
  if (!status.bridge.looked)
    bypass = "the agent has not checked yet how the pods of this node are attached";
  for (const std::string& problem : status.bridge.problems)
    bypass += (bypass.empty() ? "" : "; ") + problem;
  checks.push_back({"no-bypass", std::move(bypass)});
  return checks;
}

std::string Metrics(const AgentStatus& status) {
  const LoopStats& loop = status.loop;
  const std::vector<ReadinessCheck> checks = ReadinessChecks(status);
  const bool ready = std::all_of(checks.begin(), checks.end(),
                                 [](const ReadinessCheck& c) { return c.problem.empty(); });
  MetricsText text;
  text.BeginGauge("podgate_build_info", "Build information; the value is always 1.");
  text.Sample(std::uint64_t{1}, {{"version", status.version}});
  text.Gauge("podgate_ready", "Whether the agent is ready (1) or not (0).", ready ? 1 : 0);
  text.BeginGauge("podgate_watch_age_seconds",
                  "Time since the API server last sent anything about a kind; bookmarks arrive "
                  "once a minute.");
  for (std::size_t i = 0; i < kWatched.size(); ++i)
    text.Sample(Seconds(status.now - status.last_news.at(i)), {{"kind", kWatchedNames.at(i)}});
  text.BeginCounter("podgate_events_total",
                    "Watch events received, including the objects of lists.");
  for (std::size_t i = 0; i < kWatched.size(); ++i)
    text.Sample(loop.events.at(i), {{"kind", kWatchedNames.at(i)}});

  text.Counter("podgate_commits_total", "Transactions that the kernel committed.",
               loop.applied.steps);
  text.Counter("podgate_commit_errors_total", "Changes that the kernel refused; the agent retries.",
               loop.applied.failures);
  text.Counter("podgate_drift_repairs_total", "Foreign changes to the table that were reverted.",
               loop.applied.repairs);
  text.Counter("podgate_rebuilds_total", "Rebuilds of the whole table after failures.",
               loop.applied.rebuilds);
  text.Counter("podgate_cut_flows_total", "Established flows cut because a change denied them.",
               status.cut_flows);
  text.Gauge("podgate_cut_flow_entries",
             "Entries in conntrack that keep cut flows from being resumed.",
             status.cut_flow_entries);
  text.Counter("podgate_cut_flow_entries_displaced_total",
               "Cut-flow entries that gave way to newer ones: there is room for an eighth of "
               "nf_conntrack_max, and for 32768.",
               status.displaced_cut_flow_entries);
  text.BeginCounter("podgate_denied_packets_total",
                    "Packets that the policies denied, by the direction that denied them.");
  text.Sample(status.denied_packets.ingress, {{"direction", "ingress"}});
  text.Sample(status.denied_packets.egress, {{"direction", "egress"}});
  text.Counter("podgate_forged_packets_total",
               "Packets that pods sent from addresses or by frames that are not theirs, and that "
               "the source guard dropped.",
               status.denied_packets.forged);
  text.Seconds("podgate_compile_seconds", "Time to compute what events change in the rules.",
               loop.compile);
  text.Seconds("podgate_commit_seconds", "Time to commit a change to the kernel.", loop.commit);
  text.Seconds("podgate_event_to_commit_seconds",
               "Time from reading an event until its change is in the kernel.",
               loop.event_to_commit);

  text.Gauge("podgate_rules", "Rules in the table.", loop.size.rules);
  text.Gauge("podgate_chains", "Chains in the table.", loop.size.chains);
  text.Gauge("podgate_sets", "Sets and maps in the table.", loop.size.sets);
  text.Gauge("podgate_elements", "Elements in all sets and maps of the table.", loop.size.elements);
  text.Gauge("podgate_policies", "NetworkPolicies in the cluster.", loop.policies);
  text.Gauge("podgate_broken_policies",
             "NetworkPolicies with invalid parts: their pods are isolated, the invalid parts "
             "allow nothing.",
             loop.broken_policies);
  text.BeginGauge("podgate_pods", "Pods on this node (local) and in the cluster (all).");
  text.Sample(loop.local_pods, {{"scope", "local"}});
  text.Sample(loop.pods, {{"scope", "all"}});
  text.Gauge("podgate_isolated_pods", "Pods on this node that a policy isolates.",
             loop.isolated_pods);
  text.Gauge("podgate_contested_addresses",
             "Addresses that more than one pod of the cluster claims.", loop.contested_addresses);
  text.Gauge("podgate_guarded_links",
             "Links of pods on this node whose packets the source guard checks.",
             loop.guarded_links);
  text.Gauge("podgate_unpoliced_pods",
             "Pods on this node whose packets are known to bypass the rules; /readyz says why.",
             status.bridge.unpoliced_pods);

  text.Gauge(
      "podgate_further_addresses",
      "Addresses of pods on this node that their statuses do not list and their rules cover.",
      status.addresses.further);
  text.Gauge("podgate_uncovered_addresses",
             "Addresses of pods on this node that no rule covers; /readyz?verbose names them.",
             status.addresses.uncovered);
  text.Gauge("podgate_pods_without_namespace",
             "Pods on this node whose network namespace was not found: the rules cover only the "
             "addresses of their statuses.",
             status.addresses.without_namespace);
  text.Seconds("podgate_address_look_seconds",
               "Time to look into the network namespaces of this node's pods.",
               status.addresses.look);

  text.Gauge("process_resident_memory_bytes", "Resident memory.", status.process.resident_bytes);
  text.BeginCounter("process_cpu_seconds_total", "User and system CPU time.");
  text.Sample(status.process.cpu_seconds);
  text.BeginGauge("process_start_time_seconds", "Start time of the process, since the Unix epoch.");
  text.Sample(status.process.start_time_seconds);
  return text.text();
}

HttpAnswer AnswerPage(const HttpQuestion& question, const AgentStatus& status) {
  if (question.path == "/healthz") return Health(status);
  if (question.path == "/readyz") {
    HttpAnswer answer = Readiness(status, question.Asks("verbose"));
    // Reasons name pods, and which node does not enforce what: nothing for everybody to read.
    if (!question.from_loopback)
      answer.body = answer.status == 200
                        ? "ok\n"
                        : "not ready; the reasons are shown on the node's loopback address\n";
    return answer;
  }
  if (question.path == "/metrics") {
    return {200, "text/plain; version=0.0.4; charset=utf-8", Metrics(status)};
  }
  return Text(404, "not found; the paths are /healthz, /readyz and /metrics\n");
}

}  // namespace podgate::controller
