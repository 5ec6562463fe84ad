// The reference evaluator: slow, obvious, written from the text of the NetworkPolicy API and the
// decisions of design §4, independent of the selectors' indexes, the IR and the ruleset. It judges
// one new connection as the whole cluster would: egress on the source pod's node, ingress on the
// destination pod's node. Pure.
#pragma once

#include <optional>
#include <string>

#include "compiler/model/model.h"
#include "compiler/reference/flow_query.h"

namespace podgate::compiler {

struct EvaluateOptions {
  bool pod_to_node_enforce = false;  // policies apply from a pod to its own node too
};

// nullopt with `error` set if an end is not in the cluster or the ends have no common family.
std::optional<FlowAnswer> Evaluate(const Cluster& cluster, const FlowQuery& query,
                                   const EvaluateOptions& options, std::string* error);

}  // namespace podgate::compiler
