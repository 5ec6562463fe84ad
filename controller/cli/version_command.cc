#include "controller/cli/version_command.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/base/version.h"

namespace podgate::controller {
namespace {

// As Go and container images call it.
constexpr const char* kPlatform =
#if defined(__x86_64__)
    "linux/amd64";
#elif defined(__aarch64__)
    "linux/arm64";
#elif defined(__arm__)
    "linux/arm";
#else
    "linux/unknown";
#endif

}  // namespace

void PrintVersion(const std::string& output, std::ostream& out) {
  if (output == "text") {
    out << "podgate " << Version() << '\n';
    return;
  }
  nlohmann::ordered_json json;
  json["apiVersion"] = "podgate/v1";
  json["kind"] = "Version";
  json["version"] = Version();
  json["platform"] = kPlatform;
  if (output == "json") {
    out << json.dump(2) << '\n';
    return;
  }
  // A string of JSON is one of YAML.
  for (const auto& [key, value] : json.items()) out << key << ": " << value.dump() << '\n';
}

}  // namespace podgate::controller
