// Probes and metrics of given states, and the text format by a strict reader of our own.
#include "controller/http/status_pages.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "controller/http/metrics_text.h"

namespace podgate::controller {
namespace {

constexpr Clock::Time kStart{std::chrono::hours(5)};

AgentStatus Ready() {
  AgentStatus status;
  status.now = kStart + std::chrono::seconds(30);
  status.version = "1.2.3";
  status.loop.turned = kStart + std::chrono::seconds(29);
  status.loop.listed.fill(true);
  status.loop.settled = true;
  status.bridge.looked = true;
  status.last_news.fill(kStart);
  return status;
}

HttpAnswer Get(const std::string& path, const AgentStatus& status, const std::string& query = {}) {
  return AnswerPage({false, path, query, true}, status);
}

TEST(Health, AsLongAsTheLoopGoesRound) {
  AgentStatus status = Ready();
  EXPECT_EQ(Get("/healthz", status).status, 200);
  EXPECT_EQ(Get("/healthz", status).body, "ok\n");
  status.now = status.loop.turned + kStuckAfter;
  EXPECT_EQ(Get("/healthz", status).status, 200);
  status.now += std::chrono::seconds(1);
  EXPECT_EQ(Get("/healthz", status).status, 503);
  EXPECT_NE(Get("/healthz", status).body.find("stuck for 301 s"), std::string::npos);
}

TEST(Health, DoesNotDependOnTheApiServer) {
  AgentStatus status = Ready();
  status.loop.listed.fill(false);
  status.loop.settled = false;
  status.last_news.fill(Clock::Time());
  EXPECT_EQ(Get("/healthz", status).status, 200);
}

TEST(Readiness, ASentenceForEachReason) {
  AgentStatus status = Ready();
  EXPECT_EQ(Get("/readyz", status).status, 200);
  EXPECT_EQ(Get("/readyz", status).body, "ok\n");
  // An old view is still enforced.
  status.last_news.fill(kStart - std::chrono::hours(1));
  EXPECT_EQ(Get("/readyz", status).status, 200);

  status.loop.settled = false;
  EXPECT_EQ(Get("/readyz", status).status, 503);
  EXPECT_TRUE(
      Get("/readyz", status).body.starts_with("the kernel does not hold the current rules"));
  status.loop.listed[1] = false;
  const std::string two = Get("/readyz", status).body;
  EXPECT_EQ(std::count(two.begin(), two.end(), '\n'), 2) << two;
  EXPECT_TRUE(two.starts_with("namespaces have not been listed yet")) << two;
}

// What a pod gives itself must not hold up the update of all agents.
TEST(Readiness, AddressesThatNoRuleCoversAreANote) {
  AgentStatus status = Ready();
  status.addresses.note = "no rule covers addresses of d/dind (172.17.0.1)";
  EXPECT_EQ(Get("/readyz", status).body, "ok\n");
  const std::string verbose = Get("/readyz", status, "verbose").body;
  EXPECT_NE(verbose.find("note addresses: no rule covers addresses of d/dind (172.17.0.1)\n"),
            std::string::npos)
      << verbose;
}

TEST(Readiness, NotUnderAWrongName) {
  AgentStatus status = Ready();
  status.loop.node_problem = "the cluster has no Node n9: check --node";
  // Found out when rules were written already: they are kept up to date.
  EXPECT_EQ(Get("/readyz", status).status, 503);
  EXPECT_EQ(Get("/readyz", status).body, "the cluster has no Node n9: check --node\n");
  EXPECT_EQ(Get("/healthz", status).status, 200);
  status.loop.settled = false;
  EXPECT_EQ(Get("/readyz", status).body,
            "the cluster has no Node n9: check --node\n"
            "the rules in the kernel stay as they are until the node's name is right\n");
  const std::string all = Get("/readyz", status, "verbose").body;
  EXPECT_NE(all.find("FAIL node: the cluster has no Node n9: check --node\n"), std::string::npos)
      << all;
}

TEST(Readiness, NotWhilePacketsAreKnownToPassByTheRules) {
  AgentStatus status = Ready();
  status.bridge.problems = {"one", "two"};
  EXPECT_EQ(Get("/readyz", status).status, 503);
  EXPECT_EQ(Get("/readyz", status).body, "one; two\n");
  status.bridge = {};
  EXPECT_EQ(Get("/readyz", status).status, 503);
}

TEST(Readiness, PodsThatNothingCanBeEnforcedForAreNamed) {
  AgentStatus status = Ready();
  status.bridge.note = "policies cannot be enforced for d/p";
  EXPECT_EQ(Get("/readyz", status).status, 200);
  EXPECT_EQ(Get("/readyz", status).body, "ok\n");
  const HttpAnswer all = Get("/readyz", status, "verbose");
  EXPECT_EQ(all.status, 200);
  EXPECT_TRUE(all.body.ends_with("note no-bypass: policies cannot be enforced for d/p\n"))
      << all.body;
}

TEST(Readiness, OthersLearnOnlyWhetherItIsSo) {
  AgentStatus status = Ready();
  status.bridge.note = "policies cannot be enforced for d/p";
  const auto ask = [&] { return AnswerPage({false, "/readyz", "verbose", false}, status); };
  EXPECT_EQ(ask().status, 200);
  EXPECT_EQ(ask().body, "ok\n");
  status.bridge.problems = {"packets between pods bypass the rules"};
  EXPECT_EQ(ask().status, 503);
  EXPECT_EQ(ask().body, "not ready; the reasons are shown on the node's loopback address\n");
}

TEST(Readiness, VerboseListsEachCheck) {
  AgentStatus status = Ready();
  const std::string good = Get("/readyz", status, "verbose").body;
  for (const char* name : {"pods-listed", "namespaces-listed", "networkpolicies-listed", "node",
                           "rules-applied", "no-bypass"})
    EXPECT_NE(good.find(fmt::format("ok   {}\n", name)), std::string::npos) << good;
  EXPECT_EQ(good.find("FAIL"), std::string::npos);
  status.loop.listed[0] = false;
  const HttpAnswer bad = Get("/readyz", status, "verbose=1");
  EXPECT_EQ(bad.status, 503);
  EXPECT_NE(bad.body.find("FAIL pods-listed: pods have not been listed yet"), std::string::npos);
  EXPECT_NE(bad.body.find("ok   namespaces-listed\n"), std::string::npos);
}

TEST(Readiness, WhatTheKernelLacksIsSaid) {
  AgentStatus status = Ready();
  status.loop.missing_optional_parts = {"the kernel has no nft_limit"};
  EXPECT_EQ(Get("/readyz", status).body, "ok\n");
  const HttpAnswer verbose = Get("/readyz", status, "verbose");
  EXPECT_EQ(verbose.status, 200);
  EXPECT_NE(verbose.body.find("note kernel: the kernel has no nft_limit\n"), std::string::npos)
      << verbose.body;
  status.other_rules = {"chain FORWARD drops"};
  EXPECT_NE(Get("/readyz", status, "verbose").body.find("note other-rules: chain FORWARD drops\n"),
            std::string::npos);
  status.loop.settled = false;
  status.loop.missing_parts = {"the kernel has no nft_ct", "the kernel has no nft_objref"};
  const HttpAnswer bad = Get("/readyz", status);
  EXPECT_EQ(bad.status, 503);
  EXPECT_EQ(bad.body, "the kernel has no nft_ct; the kernel has no nft_objref\n");
}

TEST(Pages, OthersAreNotThere) {
  for (const char* path : {"/", "/metrics/", "/healthz2", "/readyz/verbose"})
    EXPECT_EQ(Get(path, Ready()).status, 404) << path;
}

// ---- metrics

// Samples by name and labels as they are written; empty, with a failure, when the text breaks the
// format: each metric has HELP and TYPE before its samples, all of which follow at once; names and
// labels are well-formed and unique; counters, and only they, end in _total.
class Scrape {
 public:
  explicit Scrape(const std::string& text) {
    EXPECT_TRUE(text.ends_with('\n'));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (const std::string problem = Take(line); !problem.empty()) {
        ADD_FAILURE() << problem << ": " << line;
        samples.clear();
        return;
      }
    }
  }
  double At(const std::string& sample) const {
    const auto found = samples.find(sample);
    EXPECT_NE(found, samples.end()) << sample;
    return found == samples.end() ? -1 : found->second;
  }

  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;

 private:
  static bool IsName(const std::string& text) {
    return !text.empty() &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
  }
  std::string Take(const std::string& line) {
    if (line.starts_with("# HELP ")) {
      const auto space = line.find(' ', 7);
      name_ = line.substr(7, space - 7);
      if (!IsName(name_)) return "a bad name";
      if (space == std::string::npos || line.size() < space + 10) return "no help";
      return seen_.insert(name_).second ? "" : "a metric that was there before";
    }
    if (line.starts_with("# TYPE ")) {
      const auto space = line.find(' ', 7);
      if (line.substr(7, space - 7) != name_) return "TYPE of another metric";
      const std::string type = line.substr(space + 1);
      if (type != "counter" && type != "gauge" && type != "histogram") return "a strange type";
      if (name_.ends_with("_total") != (type == "counter")) return "_total is for counters";
      return types.emplace(name_, type).second ? "" : "a second TYPE";
    }
    const auto end = line.find_first_of("{ ");
    const std::string name = line.substr(0, end);
    if (types[name_] == "histogram") {
      if (name != name_ + "_bucket" && name != name_ + "_sum" && name != name_ + "_count")
        return "a sample of no histogram";
    } else if (name != name_) {
      return "a sample of another metric";
    }
    const auto space = line.rfind(' ');
    std::string labels = line.substr(end, space - end);
    if (!labels.empty() && !(labels.starts_with('{') && labels.ends_with("\"}")))
      return "bad labels";
    char* stop = nullptr;
    const double value = std::strtod(line.c_str() + space + 1, &stop);
    if (*stop != '\0' || stop == line.c_str() + space + 1) return "no number";
    return samples.emplace(name + labels, value).second ? "" : "a sample twice";
  }
  std::string name_;
  std::set<std::string> seen_;
};

TEST(MetricsPage, IsWellFormedAndComplete) {
  AgentStatus status = Ready();
  status.loop.events = {7, 8, 9};
  status.loop.applied.steps = 3;
  status.loop.applied.failures = 2;
  status.loop.applied.repairs = 1;
  status.loop.size = {10, 11, 12, 13};
  status.loop.policies = 20;
  status.loop.broken_policies = 4;
  status.loop.pods = 100;
  status.loop.local_pods = 30;
  status.loop.commit.Observe(0.003);
  status.loop.commit.Observe(0.005);
  status.loop.commit.Observe(100);
  status.last_news[0] = status.now - std::chrono::milliseconds(1500);
  status.cut_flows = 5;
  status.cut_flow_entries = 14;
  status.displaced_cut_flow_entries = 15;
  status.denied_packets = {7, 8};
  status.bridge.unpoliced_pods = 6;
  status.process = {4096, 0.25, 1.7e9};
  const HttpAnswer answer = Get("/metrics", status);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const Scrape scrape(answer.body);
  EXPECT_EQ(scrape.At("podgate_build_info{version=\"1.2.3\"}"), 1);
  EXPECT_EQ(scrape.At("podgate_ready"), 1);
  EXPECT_EQ(scrape.At("podgate_watch_age_seconds{kind=\"pods\"}"), 1.5);
  EXPECT_EQ(scrape.At("podgate_watch_age_seconds{kind=\"networkpolicies\"}"), 30);
  EXPECT_EQ(scrape.At("podgate_events_total{kind=\"pods\"}"), 7);
  EXPECT_EQ(scrape.At("podgate_events_total{kind=\"networkpolicies\"}"), 9);
  EXPECT_EQ(scrape.At("podgate_commits_total"), 3);
  EXPECT_EQ(scrape.At("podgate_commit_errors_total"), 2);
  EXPECT_EQ(scrape.At("podgate_drift_repairs_total"), 1);
  EXPECT_EQ(scrape.At("podgate_rules"), 10);
  EXPECT_EQ(scrape.At("podgate_sets"), 11);
  EXPECT_EQ(scrape.At("podgate_elements"), 12);
  EXPECT_EQ(scrape.At("podgate_chains"), 13);
  EXPECT_EQ(scrape.At("podgate_policies"), 20);
  EXPECT_EQ(scrape.At("podgate_broken_policies"), 4);
  EXPECT_EQ(scrape.At("podgate_pods{scope=\"local\"}"), 30);
  EXPECT_EQ(scrape.At("podgate_pods{scope=\"all\"}"), 100);
  EXPECT_EQ(scrape.At("podgate_cut_flows_total"), 5);
  EXPECT_EQ(scrape.At("podgate_cut_flow_entries"), 14);
  EXPECT_EQ(scrape.At("podgate_cut_flow_entries_displaced_total"), 15);
  EXPECT_EQ(scrape.At("podgate_denied_packets_total{direction=\"ingress\"}"), 7);
  EXPECT_EQ(scrape.At("podgate_denied_packets_total{direction=\"egress\"}"), 8);
  EXPECT_EQ(scrape.At("podgate_unpoliced_pods"), 6);
  EXPECT_EQ(scrape.At("process_resident_memory_bytes"), 4096);
  EXPECT_EQ(scrape.At("process_cpu_seconds_total"), 0.25);
  EXPECT_EQ(scrape.At("process_start_time_seconds"), 1.7e9);
  EXPECT_EQ(scrape.At("podgate_commit_seconds_bucket{le=\"0.0025\"}"), 0);
  EXPECT_EQ(scrape.At("podgate_commit_seconds_bucket{le=\"0.005\"}"), 2);  // bounds belong to it
  EXPECT_EQ(scrape.At("podgate_commit_seconds_bucket{le=\"10\"}"), 2);
  EXPECT_EQ(scrape.At("podgate_commit_seconds_bucket{le=\"+Inf\"}"), 3);
  EXPECT_EQ(scrape.At("podgate_commit_seconds_count"), 3);
  EXPECT_DOUBLE_EQ(scrape.At("podgate_commit_seconds_sum"), 100.008);
  EXPECT_EQ(scrape.At("podgate_event_to_commit_seconds_count"), 0);
  status.loop.settled = false;
  EXPECT_EQ(Scrape(Get("/metrics", status).body).At("podgate_ready"), 0);
}

TEST(MetricsPage, NamesAreFrozen) {
  // Dashboards and alerts use the names. After a change that is meant: PODGATE_UPDATE_GOLDENS=1.
  std::istringstream lines(Metrics(Ready()));
  std::string actual;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) actual += line + "\n";
  }
  const std::string path = std::string(PODGATE_UNIT_DIR) + "/http/metrics.txt";
  if (std::getenv("PODGATE_UPDATE_GOLDENS") != nullptr) std::ofstream(path) << actual;
  std::ifstream file(path);
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(actual, expected.str());
}

TEST(MetricsText, Escapes) {
  MetricsText text;
  text.BeginGauge("a", "two\nlines and \\ \"quotes\"");
  text.Sample(1.5, {{"l", "\"\\\n"}, {"m", ""}});
  EXPECT_EQ(text.text(),
            "# HELP a two\\nlines and \\\\ \"quotes\"\n# TYPE a gauge\n"
            "a{l=\"\\\"\\\\\\n\",m=\"\"} 1.5\n");
}

}  // namespace
}  // namespace podgate::controller
