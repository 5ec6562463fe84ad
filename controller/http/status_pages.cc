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
  return Text(503, fmt::format("the loop has been stuck for {:.0f} s: changes of the cluster do "
                               "not reach the kernel; restart the agent, the rules stay\n",
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
  if (verbose && !status.bridge.elsewhere.empty())
    body += fmt::format("note no-bypass: {}\n", status.bridge.elsewhere);
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
                             : name + " have not been listed yet: nothing is changed in the kernel "
                                      "before all kinds are known; the agent's log says whether "
                                      "the API server refuses or cannot be reached"});
  }
  std::string applied;
  if (!status.loop.settled) {
    applied = all_listed ? "the kernel does not hold the rules that are wanted; the agent tries "
                           "again, its log says what the kernel refuses"
                         : "no rules have been applied since the start: what an earlier agent left "
                           "is in force";
  }
  checks.push_back({"rules-applied", std::move(applied)});
  std::string bypass;
  if (!status.bridge.looked)
    bypass = "how this node's pods are attached has not been looked at yet";
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
  text.BeginGauge("podgate_build_info", "Always 1; the label tells which build this is.");
  text.Sample(std::uint64_t{1}, {{"version", status.version}});
  text.Gauge("podgate_ready", "1 when /readyz says so.", ready ? 1 : 0);
  text.BeginGauge("podgate_watch_age_seconds",
                  "Time since the API server last said anything about a kind. Bookmarks come once "
                  "a minute.");
  for (std::size_t i = 0; i < kWatched.size(); ++i)
    text.Sample(Seconds(status.now - status.last_news.at(i)), {{"kind", kWatchedNames.at(i)}});
  text.BeginCounter("podgate_events_total", "Objects that came, changed or went.");
  for (std::size_t i = 0; i < kWatched.size(); ++i)
    text.Sample(loop.events.at(i), {{"kind", kWatchedNames.at(i)}});

  text.Counter("podgate_commits_total", "Transactions that the kernel took.", loop.applied.steps);
  text.Counter("podgate_commit_errors_total", "Changes that the kernel refused at first.",
               loop.applied.failures);
  text.Counter("podgate_drift_repairs_total", "Changes of others to the table that were undone.",
               loop.applied.repairs);
  text.Counter("podgate_rebuilds_total", "Times that the whole table was built anew.",
               loop.applied.rebuilds);
  text.Counter("podgate_cut_flows_total",
               "Established flows that were cut because a change denied them.", status.cut_flows);
  text.Seconds("podgate_compile_seconds", "From events to what they change in the rules.",
               loop.compile);
  text.Seconds("podgate_commit_seconds", "Bringing a change to the kernel.", loop.commit);
  text.Seconds("podgate_event_to_commit_seconds",
               "From reading an event until the kernel has what it changes.", loop.event_to_commit);

  text.Gauge("podgate_rules", "Rules in the table.", loop.size.rules);
  text.Gauge("podgate_chains", "Chains in the table.", loop.size.chains);
  text.Gauge("podgate_sets", "Sets and maps in the table.", loop.size.sets);
  text.Gauge("podgate_elements", "Elements of all sets and maps.", loop.size.elements);
  text.Gauge("podgate_policies", "NetworkPolicies of the cluster.", loop.policies);
  text.Gauge("podgate_broken_policies",
             "NetworkPolicies that cannot be read in full: they isolate, what cannot be read "
             "allows nothing.",
             loop.broken_policies);
  text.BeginGauge("podgate_pods", "Pods, of this node and of the cluster.");
  text.Sample(loop.local_pods, {{"scope", "local"}});
  text.Sample(loop.pods, {{"scope", "all"}});
  text.Gauge("podgate_isolated_pods", "Pods of this node that a policy selects.",
             loop.isolated_pods);
  text.Gauge("podgate_unpoliced_pods",
             "Pods of this node whose packets are known to bypass the rules; /readyz says why.",
             status.bridge.unpoliced_pods);

  text.Gauge("process_resident_memory_bytes", "Resident memory.", status.process.resident_bytes);
  text.BeginCounter("process_cpu_seconds_total", "CPU time used.");
  text.Sample(status.process.cpu_seconds);
  text.BeginGauge("process_start_time_seconds", "When the process started, since 1970.");
  text.Sample(status.process.start_time_seconds);
  return text.text();
}

HttpAnswer AnswerPage(const HttpQuestion& question, const AgentStatus& status) {
  if (question.path == "/healthz") return Health(status);
  if (question.path == "/readyz") {
    HttpAnswer answer = Readiness(status, question.Asks("verbose"));
    // Reasons name pods, and which node does not enforce what: nothing for everybody to read.
    if (!question.from_loopback)
      answer.body = answer.status == 200 ? "ok\n" : "not ready; ask on the node itself why\n";
    return answer;
  }
  if (question.path == "/metrics") {
    return {200, "text/plain; version=0.0.4; charset=utf-8", Metrics(status)};
  }
  return Text(404, "there are /healthz, /readyz and /metrics\n");
}

}  // namespace podgate::controller
