// From a kubeconfig, or from the service account of the pod that we run in, to an ApiAccess.
// Follows kubectl: --kubeconfig, else the files of $KUBECONFIG merged (the first to name a thing
// wins), else ~/.kube/config, else the service account. What Podgate does not support (plugins,
// skipped verification, proxies) is refused with a sentence that says so, never ignored.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "controller/transport/access.h"

namespace podgate::controller {

struct AccessOptions {
  std::string kubeconfig;  // --kubeconfig; empty: not given
  std::string context;     // --context; empty: current-context
  // The environment, as std::getenv; a seam for tests.
  std::function<std::optional<std::string>(const std::string&)> environment;
  // Where a pod's service account is mounted; a seam for tests.
  std::string service_account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";
};

// kNotFound: nothing configured, or no such context (wrong usage). Any other error: what is
// configured is wrong; the message begins with FILE:LINE where that is known.
Result<ApiAccess> FindAccess(const AccessOptions& options);

// Reads from the environment of this process.
std::optional<std::string> ProcessEnvironment(const std::string& name);

}  // namespace podgate::controller
