#include "controller/watch/resource.h"

#include <fmt/format.h>

namespace podgate::controller {
namespace {

std::string Encode(const std::string& text) {
  std::string result;
  for (const unsigned char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    result += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return result;
}

std::string Target(const Resource& resource, const std::string& query) {
  const bool narrowed = !resource.selector.empty();
  return fmt::format("{}?{}{}{}", resource.path, resource.selector, narrowed ? "&" : "", query);
}

}  // namespace

Resource PodsOf(const std::string& node) {
  // Names of nodes hold nothing that a field selector would take for its own.
  return {.kind = compiler::Kind::kPod,
          .name = "pods of this node",
          .path = "/api/v1/pods",
          .selector = "fieldSelector=" + Encode("spec.nodeName=" + node),
          .limits = kPodLimits,
          .of_this_node = true};
}

std::string PageTarget(const Resource& resource, int limit, const std::string& continue_token) {
  std::string query = fmt::format("limit={}", limit);
  if (!continue_token.empty()) query += "&continue=" + Encode(continue_token);
  return Target(resource, query);
}

std::string StreamingListTarget(const Resource& resource, int timeout_seconds) {
  return Target(resource,
                fmt::format("watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
                            "allowWatchBookmarks=true&timeoutSeconds={}",
                            timeout_seconds));
}

std::string WatchTarget(const Resource& resource, const std::string& version, int timeout_seconds) {
  return Target(resource,
                fmt::format("watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
                            Encode(version), timeout_seconds));
}

}  // namespace podgate::controller
