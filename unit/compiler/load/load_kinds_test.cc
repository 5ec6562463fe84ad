// What a text holds besides objects that are read: other kinds, documents that are no objects,
// templates, and what cannot be read; and texts in UTF-16.
#include <gtest/gtest.h>

#include <string>

#include "unit/compiler/load/load_helpers.h"

namespace podgate::compiler {
namespace {

using test::Load;
using test::Messages;

using Severity = Diagnostic::Severity;

// The severity of the only diagnostic of a text.
Severity OnlySeverity(std::string_view text) {
  const LoadResult result = Load(text);
  EXPECT_EQ(1U, result.diagnostics.size()) << text << Messages(result);
  return result.diagnostics.empty() ? Severity::kWarning : result.diagnostics[0].severity;
}

std::string Utf16(std::u16string_view text, bool little) {
  std::string bytes = little ? "\xff\xfe" : "\xfe\xff";
  for (const char16_t unit : text) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xff);
    bytes += little ? low : high;
    bytes += little ? high : low;
  }
  return bytes;
}

TEST(LoadKinds, DocumentsThatAreNoObjectsAreCounted) {
  for (const char* text :
       {"replicas: 3\nimage: {tag: x}\n", "apiVersion: v2\nname: chart\n", "- a\n- b\n", "text\n",
        "{\"name\":\"x\",\"version\":\"1\"}", "kind: Cluster\nnodes: []\n", "items: [{a: 1}]\n",
        "resources: [a.yaml]\nkind: Kustomization\n"}) {
    const LoadResult result = Load(text);
    EXPECT_EQ(1U, result.counts.no_objects) << text;
    EXPECT_FALSE(result.counts.AnyObject()) << text;
    EXPECT_EQ(Severity::kSkipped, OnlySeverity(text)) << text;
  }
  EXPECT_EQ(0U, Load("# a comment\n---\n").counts.no_objects);
}

TEST(LoadKinds, WhatMayBeOfOurKindsIsNoOtherDocument) {
  for (const char* text :
       {"kind: NetworkPolicy\nmetadata: {name: a}\n", "kind: Pod\nmetadata: {name: a}\n",
        "apiVersion: networking.k8s.io/v1\nspec: {podSelector: {}}\n",
        "apiVersion: v1\nkind: List\nitems: [{metadata: {name: a}}]\n"})
    EXPECT_EQ(Severity::kError, OnlySeverity(text)) << text;
}

TEST(LoadKinds, ObjectsAreCountedByKind) {
  const LoadResult result = Load(
      "apiVersion: v1\nkind: PodList\nitems: [{metadata: {name: a}}, {metadata: {name: b}}]\n---\n"
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\n"
      "apiVersion: apps/v1\nkind: DeploymentList\nitems: [{metadata: {name: a}}]\n---\n"
      "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service}]\n---\n" TEST_POLICY
      "spec: {podSelector: {}}\n");
  EXPECT_EQ("", Messages(result));
  EXPECT_EQ(2U, result.counts.pods);
  EXPECT_EQ(1U, result.counts.namespaces);
  EXPECT_EQ(1U, result.counts.policies);
  EXPECT_EQ(2U, result.counts.other_objects);
  EXPECT_EQ(0U, result.counts.no_objects);
  EXPECT_EQ(1U, result.counts.files);
}

TEST(LoadKinds, PoliciesOfOthersAreNamed) {
  std::string text;
  for (const char* kind :
       {"cilium.io/v2 CiliumNetworkPolicy", "cilium.io/v2 CiliumNetworkPolicy",
        "cilium.io/v2 CiliumClusterwideNetworkPolicy", "projectcalico.org/v3 NetworkPolicy",
        "crd.projectcalico.org/v1 GlobalNetworkPolicy",
        "policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy",
        "policy.networking.k8s.io/v1alpha1 BaselineAdminNetworkPolicy",
        "policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy", "policy/v1 PodSecurityPolicy"}) {
    const std::string words = kind;
    const std::size_t space = words.find(' ');
    text += "apiVersion: " + words.substr(0, space) + "\nkind: " + words.substr(space + 1) +
            "\nmetadata: {name: a}\n---\n";
  }
  const LoadResult result = Load(text);
  EXPECT_EQ("", Messages(result));
  const std::map<std::string, std::size_t> expected{{"CiliumNetworkPolicy", 2},
                                                    {"CiliumClusterwideNetworkPolicy", 1},
                                                    {"NetworkPolicy of projectcalico.org", 1},
                                                    {"GlobalNetworkPolicy", 1},
                                                    {"AdminNetworkPolicy", 1},
                                                    {"BaselineAdminNetworkPolicy", 1},
                                                    {"ClusterNetworkPolicy", 1}};
  EXPECT_EQ(expected, result.counts.unenforced);
  EXPECT_EQ(9U, result.counts.other_objects);
}

TEST(LoadKinds, MisspeltKindsAreAskedAbout) {
  const auto misspelt = [](const std::string& version, const std::string& kind) {
    const LoadResult result =
        Load("apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: a}\n");
    return result.counts.misspelt.empty() ? "" : result.counts.misspelt.begin()->first;
  };
  EXPECT_EQ("NetworkPolicys; did you mean NetworkPolicy?",
            misspelt("networking.k8s.io/v1", "NetworkPolicys"));
  EXPECT_EQ("NetworkPolcy; did you mean NetworkPolicy?",
            misspelt("networking.k8s.io/v1", "NetworkPolcy"));
  EXPECT_EQ("NetworkPolicies; did you mean NetworkPolicy?",
            misspelt("networking.k8s.io/v1", "NetworkPolicies"));
  EXPECT_EQ("Namespaces; did you mean Namespace?", misspelt("v1", "Namespaces"));
  EXPECT_EQ("Pods; did you mean Pod?", misspelt("v1", "Pods"));
  for (const char* other : {"Service", "PodTemplate", "ConfigMap", "Secret"})
    EXPECT_EQ("", misspelt("v1", other));
  EXPECT_EQ("", misspelt("networking.k8s.io/v1", "Ingress"));
  EXPECT_EQ("", misspelt("example.com/v1", "NetworkPolicys"));
}

TEST(LoadKinds, HelmTemplatesAreCountedAndPoliciesAmongThemSeen) {
  const LoadResult deployment =
      Load("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .x }}\n{{- end }}\n");
  EXPECT_EQ(1U, deployment.counts.templates);
  EXPECT_EQ(0U, deployment.counts.policy_templates);
  EXPECT_FALSE(deployment.HasErrors());
  EXPECT_EQ(0U, deployment.counts.unread);
  const LoadResult policy = Load(
      "{{- if .x }}\nkind: NetworkPolicy\n---\nname: {{ .x }}\n---\nkind: NetworkPolicy\na: "
      "{{ .y }}\n{{- end }}\n");
  EXPECT_EQ(1U, policy.counts.templates);  // one file
  EXPECT_EQ(1U, policy.counts.policy_templates);
  EXPECT_FALSE(policy.HasErrors());
  // Valid YAML, and no name.
  const LoadResult quoted = Load(
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: \"{{ .x }}\"}\n");
  EXPECT_EQ(1U, quoted.counts.policy_templates);
  EXPECT_TRUE(quoted.cluster.policies.empty());
  // Braces alone are no template.
  EXPECT_EQ(0U, Load("apiVersion: v1\nkind: ConfigMap\ndata: {a: \"{{ b }}\"}\n").counts.templates);
}

TEST(LoadKinds, OnlyWhatMayDecideIsAnErrorIfItCannotBeRead) {
  EXPECT_EQ(Severity::kUnread, OnlySeverity("a: [b\n"));
  EXPECT_EQ(Severity::kUnread, OnlySeverity("a:\xff\n"));
  EXPECT_EQ(Severity::kError, OnlySeverity("kind: NetworkPolicy\na: [b\n"));
  // A dump that breaks off may have held policies behind the end.
  EXPECT_EQ(Severity::kError, OnlySeverity(R"({"apiVersion":"v1","kind":"List","items":[
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"x"}},)"));
  EXPECT_EQ(1U, Load("a: [b\n").counts.unread);
  // What cannot be turned into text may hold a policy as well: a file that lacks its last byte.
  std::string half = Utf16(u"kind: NetworkPolicy\n", true);
  half.pop_back();
  EXPECT_EQ(Severity::kError, OnlySeverity(half));
  EXPECT_EQ(1U, Load(half).counts.unread);
  // Wherever it stands: large texts are looked through in pieces of 4 MiB.
  for (const std::size_t before : {0U, 6U, 12U, 13U}) {
    std::string text = "a: [";
    text.append((4U << 20) - before - text.size(), 'x').append("NetworkPolicy\n");
    EXPECT_EQ(Severity::kError, OnlySeverity(text)) << before;
  }
}

TEST(LoadKinds, NodesTellTheirAddresses) {
  const LoadResult result = Load(
      "apiVersion: v1\nkind: NodeList\nitems:\n"
      "- {metadata: {name: n1}, status: {addresses: [{type: Hostname, address: 192.0.2.9},"
      " {address: 192.0.2.1, type: InternalIP}, {type: ExternalIP, address: '2001:db8::1'},"
      " {type: InternalDNS, address: n1.example}]}}\n---\n"
      "{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"status\":{\"addresses\":[{\"type\":"
      "\"InternalIP\",\"address\":\"192.0.2.2\"}]},\"metadata\":{\"name\":\"n2\"}}\n");
  EXPECT_EQ("", Messages(result));
  EXPECT_EQ(2U, result.counts.nodes);
  ASSERT_EQ(2U, result.cluster.nodes.size());
  EXPECT_EQ((std::vector<Address>{*Address::Parse("192.0.2.1"), *Address::Parse("2001:db8::1")}),
            result.cluster.nodes.at("n1").addresses);
  EXPECT_EQ((std::vector<Address>{*Address::Parse("192.0.2.2")}),
            result.cluster.nodes.at("n2").addresses);
  EXPECT_EQ((std::vector<std::string>{"n1", "n2"}), NodeNames(result.cluster));
  EXPECT_TRUE(Load("apiVersion: v1\nkind: Node\nmetadata: {name: A_B}\n").HasErrors());
}

TEST(LoadKinds, NamespacesOfPodsThatAreNotGivenAreAssumed) {
  LoadResult result = Load(
      "apiVersion: v1\nkind: PodList\nitems: [{metadata: {name: a, namespace: x}}, {metadata: "
      "{name: "
      "b, namespace: z}}]\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n");
  Complete(&result);
  EXPECT_EQ((std::vector<std::string>{"z"}), result.assumed_namespaces);
}

TEST(LoadKinds, Utf16WithAByteOrderMark) {
  const std::u16string_view yaml =
      u"# é 😀\r\napiVersion: v1\r\nkind: Namespace\r\nmetadata: {name: x, labels: {a: b}}\r\n";
  const std::u16string_view json =
      u"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"x\",\"labels\":"
      u"{\"a\":\"b\"}}}";
  for (const bool little : {true, false}) {
    for (const std::u16string_view text : {yaml, json}) {
      const LoadResult result = Load(Utf16(text, little));
      EXPECT_EQ("", Messages(result));
      EXPECT_EQ(1U, result.cluster.namespaces.count("x"));
    }
    EXPECT_EQ("f:2:4: must be an object with apiVersion and kind, found the string \"b\"\n",
              Messages(Utf16(u"---\n   b\n", little)));
  }
  // As UTF-8 has it.
  EXPECT_EQ("", Messages("\xef\xbb\xbf{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":"
                         "{\"name\":\"x\"}}"));
  EXPECT_EQ("", Messages("\xef\xbb\xbf"
                         "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"));
}

}  // namespace
}  // namespace podgate::compiler
