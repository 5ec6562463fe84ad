// Asks the reference evaluator in the command line's own words, for table-driven tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "compiler/reference/evaluate.h"
#include "compiler/reference/flow_query_text.h"

namespace podgate::compiler::test {

// `probe`: "FROM TO:PORT/PROTO", with " @4" or " @6" after it for a family.
inline FlowQuery FlowOf(std::string_view probe) {
  std::optional<Family> family;
  if (probe.ends_with(" @4")) family = Family::kIPv4;
  if (probe.ends_with(" @6")) family = Family::kIPv6;
  if (family) probe.remove_suffix(3);
  std::string error;
  std::optional<FlowQuery> query = ParseFlowQuery(probe, &error);
  if (!query) ADD_FAILURE() << "bad probe in a test: " << error;
  if (!query) return FlowQuery{};
  query->family = family;
  return *query;
}

inline FlowAnswer Ask(const Cluster& cluster, std::string_view probe,
                      const EvaluateOptions& options = {}) {
  std::string error;
  const std::optional<FlowAnswer> answer = Evaluate(cluster, FlowOf(probe), options, &error);
  if (!answer) ADD_FAILURE() << probe << ": " << error;
  return answer.value_or(FlowAnswer{});
}

inline std::string AskError(const Cluster& cluster, std::string_view probe) {
  std::string error;
  if (Evaluate(cluster, FlowOf(probe), {}, &error)) ADD_FAILURE() << probe << " has a verdict";
  return error;
}

struct Expectation {
  const char* probe;
  bool allowed;
};

inline void ExpectAll(const Cluster& cluster, const std::vector<Expectation>& expectations,
                      const EvaluateOptions& options = {}) {
  for (const Expectation& expected : expectations) {
    const FlowAnswer answer = Ask(cluster, expected.probe, options);
    EXPECT_EQ(answer.allowed, expected.allowed) << expected.probe << ": " << answer.reason;
  }
}

}  // namespace podgate::compiler::test
