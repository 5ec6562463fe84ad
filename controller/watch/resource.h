// What Podgate reads, and how the API server is asked for it. Pure.
#pragma once

#include <string>

#include "compiler/decode/decode.h"
#include "controller/watch/known_objects.h"

namespace podgate::controller {

struct Resource {
  compiler::Kind kind = compiler::Kind::kUnknown;
  const char* name = "";  // plural, as in URLs
  const char* path = "";  // of the collection, over all namespaces
  std::string selector;   // query parameter that narrows it, percent-encoded, or empty
  KnownObjects::Limits limits;
  bool of_this_node = false;  // see Message
};

// What is usual of a pod is free, so that the largest namespace may have most pods of the cluster.
inline constexpr KnownObjects::Limits kPodLimits{.objects = 300'000,
                                                 .namespace_objects = 300'000,
                                                 .bytes = 64u << 20,
                                                 .namespace_bytes = 4u << 20,
                                                 .least = 0,
                                                 .free = 4096};

// Finished pods are not there at all for policies, and on some clusters they are most of all pods.
inline const Resource kPods{
    .kind = compiler::Kind::kPod,
    .name = "pods",
    .path = "/api/v1/pods",
    .selector = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed",
    .limits = kPodLimits};
inline const Resource kNamespaces{.kind = compiler::Kind::kNamespace,
                                  .name = "namespaces",
                                  .path = "/api/v1/namespaces",
                                  .selector = {},
                                  .limits = {.objects = 100'000,
                                             .namespace_objects = 100'000,
                                             .bytes = 64u << 20,
                                             .namespace_bytes = 64u << 20}};
inline const Resource kNetworkPolicies{.kind = compiler::Kind::kNetworkPolicy,
                                       .name = "networkpolicies",
                                       .path = "/apis/networking.k8s.io/v1/networkpolicies",
                                       .selector = {},
                                       .limits = {.objects = 100'000,
                                                  .namespace_objects = 5'000,
                                                  .bytes = 64u << 20,
                                                  .namespace_bytes = 4u << 20,
                                                  .least = 1024}};

// But one of this node may still run: these are the node's pods in every phase.
Resource PodsOf(const std::string& node);

// One page of a list; `continue_token` empty for the first.
std::string PageTarget(const Resource& resource, int limit, const std::string& continue_token);
// A watch that begins with all objects and then goes on.
std::string StreamingListTarget(const Resource& resource, int timeout_seconds);
// A watch from a version on.
std::string WatchTarget(const Resource& resource, const std::string& version, int timeout_seconds);

}  // namespace podgate::controller
