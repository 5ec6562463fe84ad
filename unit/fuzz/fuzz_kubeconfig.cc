// Fuzzes the reader of kubeconfigs: any text ends in an ApiAccess with a host, or in a message.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "controller/transport/kubeconfig_file.h"

// libfyaml 0.7 forgets a buffer over some texts that it refuses, such as a quote without its end.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfyaml"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using podgate::controller::Kubeconfig;
  Kubeconfig config;
  const auto added =
      config.Add(std::string(reinterpret_cast<const char*>(data), size), "folder/config");
  if (!added.ok()) {
    if (added.message().rfind("folder/config", 0) != 0) std::abort();
    return 0;
  }
  const auto access = config.Choose("");
  if (!access.ok()) {
    if (access.status().message().empty()) std::abort();
    return 0;
  }
  if (access.value().host.empty() || !access.value().ca.given()) std::abort();
  return 0;
}
