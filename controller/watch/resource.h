// What Podgate reads, and how the API server is asked for it. Pure.
#pragma once

#include <string>

#include "compiler/decode/decode.h"

namespace podgate::controller {

struct Resource {
  compiler::Kind kind = compiler::Kind::kUnknown;
  const char* name = "";  // plural, as in URLs
  const char* path = "";  // of the collection, over all namespaces
  std::string selector;   // query parameter that narrows it, percent-encoded, or empty
  // A server that tells of more is not believed: memory stays bounded.
  std::size_t max_objects = 0;
  std::size_t max_bytes = 0;  // of all objects together, in memory
  bool of_this_node = false;  // see Message
};

// Finished pods are not there at all for policies, and on some clusters they are most of all pods.
inline const Resource kPods{compiler::Kind::kPod,
                            "pods",
                            "/api/v1/pods",
                            "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed",
                            300'000,
                            384u << 20};
inline const Resource kNamespaces{
    compiler::Kind::kNamespace, "namespaces", "/api/v1/namespaces", "", 100'000, 64u << 20};
inline const Resource kNetworkPolicies{compiler::Kind::kNetworkPolicy,
                                       "networkpolicies",
                                       "/apis/networking.k8s.io/v1/networkpolicies",
                                       "",
                                       100'000,
                                       64u << 20};

// But one of this node may still run: these are the node's pods in every phase.
Resource PodsOf(const std::string& node);

// One page of a list; `continue_token` empty for the first.
std::string PageTarget(const Resource& resource, int limit, const std::string& continue_token);
// A watch that begins with all objects and then goes on.
std::string StreamingListTarget(const Resource& resource, int timeout_seconds);
// A watch from a version on.
std::string WatchTarget(const Resource& resource, const std::string& version, int timeout_seconds);

}  // namespace podgate::controller
