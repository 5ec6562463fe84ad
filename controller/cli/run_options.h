// What the command line of `podgate run` says. Values only.
#pragma once

#include <string>
#include <vector>

#include "controller/base/log.h"
#include "controller/cli/limits.h"
#include "controller/http/listen_address.h"

namespace podgate::controller {

struct RunOptions {
  std::string node;  // --node; empty: $NODE_NAME
  std::string
      kubeconfig;       // --kubeconfig; empty: as kubectl finds it, else the pod's service account
  std::string context;  // --context; empty: the kubeconfig's current-context
  bool dry_run = false;
  bool check_node = true;     // --node-check=on
  bool node_renamed = false;  // --node-renamed
  Logger::Format log_format = Logger::Format::kText;
  LogLevel log_level = LogLevel::kInfo;
  bool pod_to_node_enforce = false;     // --pod-to-node=enforce
  bool reject = false;                  // --deny=reject
  bool keep_established = false;        // --established=keep
  bool set_bridge_filter = true;        // --bridge-filter=set
  bool source_guard = true;             // --source-guard=full
  LimitOptions limits{};                // --limits
  std::vector<ListenAddress> listen{};  // --listen; for probes and metrics
};

}  // namespace podgate::controller
