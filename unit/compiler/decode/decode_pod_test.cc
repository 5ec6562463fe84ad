// Pods and namespaces, field by field.

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/compiler/load/load_helpers.h"

namespace podgate::compiler {
namespace {

using test::Load;
using test::Messages;
using test::OnlyPod;

Address Ip(std::string_view text) { return *Address::Parse(text); }

constexpr char kPod[] = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x}\n";

TEST(DecodePod, EveryField) {
  const Pod pod = OnlyPod(
      "apiVersion: v1\n"
      "kind: Pod\n"
      "metadata:\n"
      "  name: a\n"
      "  namespace: x\n"
      "  uid: u-1\n"
      "  creationTimestamp: \"2024-01-01T00:00:00Z\"\n"
      "  labels: {tier: b, app: web}\n"
      "  annotations: {spec: {no: matter}}\n"
      "spec:\n"
      "  nodeName: n1\n"
      "  hostNetwork: true\n"
      "  containers:\n"
      "  - name: c\n"
      "    ports:\n"
      "    - {name: http, containerPort: 80}\n"
      "    - {name: dns, containerPort: 53, protocol: UDP}\n"
      "    - {containerPort: 81}\n"
      "  - name: d\n"
      "    ports: [{name: http, containerPort: 8080, protocol: TCP}, {name: s, containerPort: 1, "
      "protocol: SCTP}]\n"
      "  - name: e\n"
      "  initContainers:\n"
      "  - {name: i, ports: [{name: gone, containerPort: 1}]}\n"
      "  - {name: j, ports: [{name: side, containerPort: 2}], restartPolicy: Always}\n"
      "  - {name: k, restartPolicy: OnFailure, ports: [{name: gone2, containerPort: 3}]}\n"
      "status:\n"
      "  phase: Running\n"
      "  podIP: 10.0.0.1\n"
      "  podIPs: [{ip: \"fd00::1\"}, {ip: 10.0.0.1}]\n"
      "  hostIP: 192.168.0.1\n"
      "  hostIPs: [{ip: 192.168.0.1}, {ip: \"fd01::1\"}]\n");
  EXPECT_EQ((ObjectKey{"x", "a"}), pod.key);
  EXPECT_EQ("u-1", pod.uid);
  EXPECT_EQ("2024-01-01T00:00:00Z", pod.created);
  EXPECT_EQ((Labels{{"app", "web"}, {"tier", "b"}}), pod.labels);
  EXPECT_EQ("n1", pod.node);
  EXPECT_TRUE(pod.host_network);
  EXPECT_FALSE(pod.finished);
  EXPECT_EQ((std::vector<Address>{Ip("10.0.0.1"), Ip("fd00::1")}), pod.addresses);
  EXPECT_EQ((std::vector<Address>{Ip("192.168.0.1"), Ip("fd01::1")}), pod.host_addresses);
  const std::vector<NamedPort> ports = {{"dns", Protocol::kUdp, 53},
                                        {"http", Protocol::kTcp, 80},
                                        {"http", Protocol::kTcp, 8080},
                                        {"s", Protocol::kSctp, 1},
                                        {"side", Protocol::kTcp, 2}};
  EXPECT_EQ(ports, pod.ports);
}

TEST(DecodePod, SingleAddressesCountWhenThereIsNoList) {
  const Pod pod =
      OnlyPod(std::string(kPod) + "status: {podIP: 10.0.0.1, hostIP: 10.0.0.2, podIPs: []}\n");
  EXPECT_EQ((std::vector<Address>{Ip("10.0.0.1")}), pod.addresses);
  EXPECT_EQ((std::vector<Address>{Ip("10.0.0.2")}), pod.host_addresses);
  EXPECT_TRUE(OnlyPod(std::string(kPod) + "status: {podIP: '', podIPs: null}\n").addresses.empty());
}

TEST(DecodePod, Phases) {
  for (const char* phase : {"Succeeded", "Failed"}) {
    EXPECT_TRUE(OnlyPod(std::string(kPod) + "status: {phase: " + phase + "}\n").finished) << phase;
  }
  for (const char* phase : {"Pending", "Running", "Unknown", "''", "null"}) {
    EXPECT_FALSE(OnlyPod(std::string(kPod) + "status: {phase: " + phase + "}\n").finished) << phase;
  }
}

TEST(DecodePod, DefaultNamespaceAndEmptyLabels) {
  const Pod pod =
      OnlyPod("apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {app: , b: ~}}\n");
  EXPECT_EQ((ObjectKey{"default", "a"}), pod.key);
  EXPECT_EQ((Labels{{"app", ""}, {"b", ""}}), pod.labels);
}

TEST(DecodePod, WhatCannotBeReadIsLeftOutAndTheRestCounts) {
  const LoadResult result =
      Load(std::string(kPod) +
           "spec:\n"
           "  nodeName: n1\n"
           "  containers:\n"
           "  - ports: [{name: bad, containerPort: x}, {name: good, containerPort: 80}]\n"
           "status: {podIPs: [{ip: nonsense}, {ip: 10.0.0.1}]}\n");
  EXPECT_EQ(2u, result.diagnostics.size()) << Messages(result);
  const Pod& pod = result.cluster.pods.at({"x", "a"});
  EXPECT_EQ("n1", pod.node);
  EXPECT_EQ((std::vector<Address>{Ip("10.0.0.1")}), pod.addresses);
  EXPECT_EQ((std::vector<NamedPort>{{"good", Protocol::kTcp, 80}}), pod.ports);
}

TEST(DecodePod, MembersInAnyOrder) {
  std::vector<std::string> members = {
      R"("apiVersion":"v1")", R"("kind":"Pod")",
      R"("metadata":{"name":"a","namespace":"x","labels":{"app":"web"}})",
      R"("spec":{"nodeName":"n","containers":[{"ports":[{"protocol":"UDP","containerPort":5,"name":"p"}]}]})",
      R"("status":{"podIPs":[{"ip":"10.0.0.1"}],"phase":"Running"})"};
  std::sort(members.begin(), members.end());
  std::optional<Pod> first;
  do {
    std::string json = "{";
    for (const std::string& member : members) json += (json.size() > 1 ? "," : "") + member;
    const Pod pod = OnlyPod(json + "}");
    if (!first) first = pod;
    EXPECT_EQ(*first, pod) << json;
  } while (std::next_permutation(members.begin(), members.end()));
  EXPECT_EQ(1u, first->ports.size());
  EXPECT_EQ(1u, first->addresses.size());
}

TEST(DecodePolicyOrder, MembersInAnyOrder) {
  std::vector<std::string> members = {
      R"("apiVersion":"networking.k8s.io/v1")", R"("kind":"NetworkPolicy")",
      R"("metadata":{"name":"a","namespace":"x"})",
      R"("spec":{"podSelector":{"matchLabels":{"app":"web"}},"egress":[{"ports":[{"port":80}]}]})",
      R"("status":{})"};
  std::sort(members.begin(), members.end());
  do {
    std::string json = "{";
    for (const std::string& member : members) json += (json.size() > 1 ? "," : "") + member;
    const NetworkPolicy policy = test::OnlyPolicy(json + "}");
    EXPECT_EQ((ObjectKey{"x", "a"}), policy.key) << json;
    EXPECT_TRUE(policy.isolates_egress) << json;
    ASSERT_EQ(1u, policy.egress.size()) << json;
    EXPECT_EQ(1u, policy.pods.requirements.size()) << json;
  } while (std::next_permutation(members.begin(), members.end()));
}

TEST(DecodeNamespace, NameAndLabels) {
  const LoadResult result = Load(
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: x, namespace: odd, labels: {b: c, a: d}}\n"
      "spec: {finalizers: [kubernetes]}\nstatus: {phase: Active}\n");
  EXPECT_EQ("", Messages(result));
  EXPECT_EQ((Namespace{"x", {{"a", "d"}, {"b", "c"}}}), result.cluster.namespaces.at("x"));
}

// A phase may say Failed before the containers are told to end.
TEST(DecodePod, AFinishedOneWhoseContainersRunSaysSo) {
  const auto pod = [](const std::string& status) {
    const LoadResult result = Load(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c}]}\nstatus: "
        "{" +
        status + "}\n");
    EXPECT_EQ("", Messages(result)) << status;
    return result.cluster.pods.at({"default", "a"});
  };
  const std::string running = "{state: {running: {startedAt: \"2026-01-01T00:00:00Z\"}}}";
  const std::string terminated = "{state: {terminated: {exitCode: 1}}, lastState: {running: {}}}";
  const std::string waiting = "{state: {waiting: {reason: x}}}";
  for (const std::string phase : {"Failed", "Succeeded"}) {
    const std::string begin = "phase: " + phase;
    for (const char* list :
         {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"}) {
      const std::string statuses = begin + ", " + list + ": [";
      EXPECT_TRUE(pod(statuses + running + "]").still_running) << list;
      EXPECT_TRUE(pod(statuses + terminated + ", " + running + "]").still_running) << list;
      EXPECT_TRUE(pod(statuses + "{state: {running: {}}}]").still_running) << list;
      EXPECT_FALSE(pod(statuses + terminated + ", " + waiting + "]").still_running) << list;
      EXPECT_FALSE(pod(statuses + "{state: {running: null}}, {state: {}}, {}]").still_running);
      EXPECT_FALSE(pod(statuses + "]").still_running) << list;
      EXPECT_TRUE(pod(statuses + running + "]").finished);
    }
    // Evicted before it began.
    EXPECT_FALSE(pod(begin + ", reason: Evicted").still_running);
  }
  // Of a pod that has not finished it says nothing new.
  EXPECT_FALSE(pod("phase: Running, containerStatuses: [" + running + "]").still_running);
  // Members come in any order.
  EXPECT_TRUE(pod("containerStatuses: [" + running + "], phase: Failed").still_running);
}

TEST(DecodeNamespace, OneThatIsBeingDeletedSaysSo) {
  const LoadResult result = Load(
      "apiVersion: v1\nkind: Namespace\n"
      "metadata: {name: x, uid: \"7\", deletionTimestamp: \"2026-01-01T00:00:00Z\"}\n"
      "---\napiVersion: v1\nkind: Namespace\n"
      "metadata: {name: z, uid: \"8\", deletionTimestamp: null}\n");
  EXPECT_TRUE(result.cluster.namespaces.at("x").terminating);
  EXPECT_FALSE(result.cluster.namespaces.at("z").terminating);
  EXPECT_EQ("8", result.cluster.namespaces.at("z").uid);
}

TEST(DecodeObject, OtherKindsArePassedOver) {
  const LoadResult result = Load(
      "apiVersion: v1\nkind: Service\nspec: {ports: [{port: x}]}\nmetadata: {}\n---\n"
      "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {metadata: {labels: {a: 1}}}}\n---\n"
      "spec: {a: 1}\napiVersion: crd.projectcalico.org/v1\nkind: NetworkPolicy\n---\n"
      "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nspec: {order: 1}\nmetadata: {name: "
      "1}\n---\n"
      "apiVersion: networking.k8s.io/v1\nkind: Ingress\nspec: {}\n---\n"
      "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nspec: {}\n---\n"
      "apiVersion: servicebus.azure.example/v1\nkind: Namespace\nspec: {}\n---\n"
      "{kind: ConfigMap, apiVersion: v1, data: {a: '1', a: '2'}}\n---\n"
      "# nothing but a comment\n---\n---\n...\n---\nnull\n");
  EXPECT_EQ("", Messages(result));
  EXPECT_TRUE(result.cluster.pods.empty());
  EXPECT_TRUE(result.cluster.policies.empty());
  EXPECT_TRUE(result.cluster.namespaces.empty());
}

}  // namespace
}  // namespace podgate::compiler
