#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "compiler/reference/evaluate.h"
#include "compiler/reference/flow_query_text.h"
#include "controller/base/exit_code.h"
#include "controller/cli/cli_input.h"
#include "controller/cli/cli_offline.h"

namespace podgate::controller {
namespace {

// An answer in place of a verdict, so that the n-th line out always belongs to the n-th line in.
std::string ErrorJson(const std::string& line, const std::string& error) {
  nlohmann::ordered_json json;
  json["probe"] = line;
  json["error"] = error;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void PrintText(const compiler::FlowQuery& query, const compiler::FlowAnswer& answer,
               std::ostream& out) {
  out << (answer.allowed ? "allow: " : "deny: ") << answer.reason << '\n';
  for (const auto& [name, side] :
       {std::pair<const char*, const compiler::SideAnswer&>("egress of ", answer.egress),
        {"ingress to ", answer.ingress}}) {
    if (!side.applies) continue;
    const bool egress = &side == &answer.egress;
    out << "  " << name << compiler::ToString(egress ? query.from : query.to) << ": "
        << (side.allowed ? "allowed" : "denied") << ", " << side.reason << '\n';
  }
  for (const std::string& sentence : answer.contested) out << "  note: " << sentence << '\n';
}

// Throws std::ios_base::failure if `in` cannot be read to its end. Output that nobody gets any more
// is not worked out.
int AnswerAll(const ExplainOptions& options, const compiler::Cluster& cluster, std::istream& in,
              std::ostream& out) {
  int code = kExitOk;
  std::string line;
  in.exceptions(std::ios::badbit);
  while (out && std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    std::string error;
    std::optional<compiler::FlowQuery> query = compiler::ParseFlowQuery(line, &error);
    std::optional<compiler::FlowAnswer> answer;
    if (query) {
      query->family = options.family;
      answer = compiler::Evaluate(cluster, *query,
                                  {.pod_to_node_enforce = options.pod_to_node_enforce}, &error);
    }
    if (answer) {
      out << compiler::ToJson(*query, *answer) << '\n';
    } else {
      out << ErrorJson(line, error) << '\n';
      code = kExitBadInput;
    }
  }
  return code;
}

int AnswerProbes(const ExplainOptions& options, const compiler::Cluster& cluster, std::ostream& out,
                 std::ostream& err) {
  const bool standard_input = options.probes == "-";
  std::ifstream file;
  if (!standard_input) file.open(options.probes);
  if (!file) {
    err << "podgate: cannot read the probes in " << options.probes
        << ": check that the file is there and readable\n";
    return kExitBadInput;
  }
  try {
    return AnswerAll(options, cluster, standard_input ? std::cin : file, out);
  } catch (const std::ios_base::failure& failure) {
    err << "podgate: cannot read the probes in "
        << (standard_input ? "standard input" : options.probes)
        << " to the end: " << failure.code().message()
        << "; the questions that were not read have no answer\n";
    return kExitBadInput;
  }
}

int AnswerOne(const ExplainOptions& options, const compiler::Cluster& cluster, std::ostream& out,
              std::ostream& err) {
  std::string error;
  compiler::FlowQuery query;
  query.family = options.family;
  const std::optional<compiler::EndpointName> from =
      compiler::ParseEndpointName(options.from, &error);
  if (!from || !compiler::ParseTarget(options.target, &query, &error)) {
    err << "podgate: " << error << '\n';
    return kExitUsage;
  }
  query.from = *from;
  const std::optional<compiler::FlowAnswer> answer = compiler::Evaluate(
      cluster, query, {.pod_to_node_enforce = options.pod_to_node_enforce}, &error);
  if (!answer) {
    err << "podgate: " << error << '\n';
    return kExitBadInput;
  }
  if (options.json) {
    out << compiler::ToJson(query, *answer) << '\n';
  } else {
    PrintText(query, *answer, out);
  }
  return answer->allowed ? kExitOk : kExitNegative;
}

}  // namespace

int Explain(const ExplainOptions& options, std::ostream& out, std::ostream& err) {
  const std::optional<compiler::LoadResult> read = LoadInput(options.input, err);
  if (!read) return kExitBadInput;
  const compiler::LoadResult& input = *read;
  const int code = options.probes.empty() ? AnswerOne(options, input.cluster, out, err)
                                          : AnswerProbes(options, input.cluster, out, err);
  // An answer from input that could not be read whole is given, but not vouched for.
  return input.HasErrors() ? kExitBadInput : code;
}

}  // namespace podgate::controller
