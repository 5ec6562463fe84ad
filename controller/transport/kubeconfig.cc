#include "controller/transport/kubeconfig.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "controller/transport/kubeconfig_file.h"

namespace podgate::controller {
namespace {

constexpr std::size_t kMaxKubeconfigBytes = 8u << 20;

bool IsThere(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Status AddFile(const std::string& path, Kubeconfig* config) {
  auto text = ReadFile(path, kMaxKubeconfigBytes);
  if (!text.ok()) return {Status::Code::kInvalid, text.status().message()};
  return config->Add(text.value(), path);
}

// A file of the list that does not exist is ignored, as kubectl does.
Status AddList(std::string_view list, Kubeconfig* config) {
  while (!list.empty()) {
    const auto colon = list.find(':');
    const std::string path(list.substr(0, colon));
    list = colon == std::string_view::npos ? std::string_view() : list.substr(colon + 1);
    if (path.empty() || !IsThere(path)) continue;
    if (Status status = AddFile(path, config); !status.ok()) return status;
  }
  return {};
}

Result<ApiAccess> InCluster(const AccessOptions& options, const std::string& host,
                            const std::string& port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  const std::string url =
      fmt::format("https://{}{}{}:{}", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
  ApiAccess access;
  if (const std::string problem = ParseServerUrl(url, &access); !problem.empty()) {
    return Status(
        Status::Code::kInvalid,
        fmt::format("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not usable: {}",
                    problem));
  }
  access.origin = "the pod's service account";
  access.ca.file = options.service_account_folder + "/ca.crt";
  access.token.file = options.service_account_folder + "/token";
  return access;
}

}  // namespace

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<ApiAccess> FindAccess(const AccessOptions& options) {
  const auto variable = [&options](const char* name) {
    return options.environment ? options.environment(name).value_or("")
                               : ProcessEnvironment(name).value_or("");
  };
  Kubeconfig config;
  const std::string list = variable("KUBECONFIG");
  if (!options.kubeconfig.empty()) {
    if (Status status = AddFile(options.kubeconfig, &config); !status.ok()) return status;
  } else if (!list.empty()) {
    if (Status status = AddList(list, &config); !status.ok()) return status;
  } else if (const std::string home = variable("HOME");
             !home.empty() && IsThere(home + "/.kube/config")) {
    if (Status status = AddFile(home + "/.kube/config", &config); !status.ok()) return status;
  }
  if (!config.empty()) return config.Choose(options.context);

  const std::string host = variable("KUBERNETES_SERVICE_HOST");
  const std::string port = variable("KUBERNETES_SERVICE_PORT");
  if (!host.empty() && !port.empty() && options.context.empty())
    return InCluster(options, host, port);
  return Status(
      Status::Code::kNotFound,
      list.empty()
          ? "no kubeconfig: give --kubeconfig or set KUBECONFIG (this is not a pod either: "
            "KUBERNETES_SERVICE_HOST is not set)"
          : fmt::format("no kubeconfig: no file of KUBECONFIG={} is there", list));
}

}  // namespace podgate::controller
