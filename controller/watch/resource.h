// The three kinds that Podgate reads, and how the API server is asked for them. Pure.
#pragma once

#include <string>

#include "compiler/decode/decode.h"
#include "controller/watch/known_objects.h"

namespace podgate::controller {

struct Resource {
  compiler::Kind kind = compiler::Kind::kUnknown;
  const char* name = "";      // plural, as in URLs
  const char* path = "";      // of the collection, over all namespaces
  const char* selector = "";  // query parameter that narrows it, percent-encoded, or empty
  KnownObjects::Limits limits;
};

// Finished pods are not there at all for policies, and on some clusters they are most of all pods.
inline constexpr Resource kPods{
    compiler::Kind::kPod,
    "pods",
    "/api/v1/pods",
    "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed",
    // What is usual is free, so that the largest namespace may have most pods of the cluster.
    {.objects = 300'000,
     .namespace_objects = 300'000,
     .bytes = 64u << 20,
     .namespace_bytes = 4u << 20,
     .least = 0,
     .free = 4096}};
inline constexpr Resource kNamespaces{compiler::Kind::kNamespace,
                                      "namespaces",
                                      "/api/v1/namespaces",
                                      "",
                                      {.objects = 100'000,
                                       .namespace_objects = 100'000,
                                       .bytes = 64u << 20,
                                       .namespace_bytes = 64u << 20}};
inline constexpr Resource kNetworkPolicies{compiler::Kind::kNetworkPolicy,
                                           "networkpolicies",
                                           "/apis/networking.k8s.io/v1/networkpolicies",
                                           "",
                                           {.objects = 100'000,
                                            .namespace_objects = 5'000,
                                            .bytes = 64u << 20,
                                            .namespace_bytes = 4u << 20,
                                            .least = 1024}};

// One page of a list; `continue_token` empty for the first.
std::string PageTarget(const Resource& resource, int limit, const std::string& continue_token);
// A watch that begins with all objects and then goes on.
std::string StreamingListTarget(const Resource& resource, int timeout_seconds);
// A watch from a version on.
std::string WatchTarget(const Resource& resource, const std::string& version, int timeout_seconds);

}  // namespace podgate::controller
