// Forms of YAML that Kubernetes' tools take and libfyaml by itself does not, or takes for something
// else.

#include <gtest/gtest.h>

#include <string>

#include "compiler/load/load_text.h"

namespace podgate::compiler {
namespace {

std::string Policy(const std::string& name, const std::string& spec) {
  return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: " + name +
         "\n  namespace: x\nspec:" + spec;
}

LoadResult Load(const std::string& text) {
  LoadResult result;
  LoadText(text, "f", &result);
  for (const Diagnostic& diagnostic : result.diagnostics) {
    ADD_FAILURE() << diagnostic.ToString() << "\nin\n" << text;
  }
  return result;
}

NetworkPolicy OnlyPolicy(const std::string& text) {
  const LoadResult result = Load(text);
  EXPECT_EQ(1u, result.cluster.policies.size()) << text;
  return result.cluster.policies.empty() ? NetworkPolicy()
                                         : result.cluster.policies.begin()->second;
}

LabelSelector AppIs(const std::string& value) {
  return {{{"app", Requirement::Operator::kIn, {value}}}};
}

TEST(YamlForms, BracketsNeedNoIndentation) {
  for (const char* spec : {"\n  podSelector: {\n    matchLabels: {\n      app: web\n    }\n  }\n",
                           "\n  podSelector: {\nmatchLabels: {app: web}\n}\n",
                           " {\n\"podSelector\": {\n"
                           "\"matchLabels\": {\"app\": \"web\"\n}}}\n"}) {
    EXPECT_EQ(AppIs("web"), OnlyPolicy(Policy("p", spec)).pods) << spec;
  }
  EXPECT_TRUE(OnlyPolicy(Policy("p", "\n  policyTypes: [\nEgress\n]\n")).isolates_egress);
}

TEST(YamlForms, AnEmptyBlockAtTheEndIsTheEmptyString) {
  for (const char* style : {"|", "|-", "|+", ">", ">-"}) {
    const std::string text =
        Policy("p", std::string("\n  podSelector:\n    matchLabels:\n      app: ") + style + "\n");
    EXPECT_EQ(AppIs(""), OnlyPolicy(text).pods) << style;
    EXPECT_EQ(1u, Load(text + "---\n").cluster.policies.size());
  }
}

TEST(YamlForms, EachDocumentMayBeginWithAByteOrderMark) {
  const std::string mark = "\xef\xbb\xbf";
  const LoadResult result =
      Load(mark + Policy("p", " {}\n") + "---\n" + mark + Policy("q", " {}\n") + "---\n" + mark +
           "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\",\n" +
           "\"metadata\": {\"name\": \"r\", \"namespace\": \"x\"}}\n---\n" + mark);
  EXPECT_EQ(3u, result.cluster.policies.size());
}

TEST(YamlForms, AnItemWithNothingBehindItsDashIsNull) {
  for (const char* spec : {"\n  ingress:\n  -\n", "\n  ingress:\n  -", "\n  ingress:\n  - # all\n",
                           "\n  ingress:\n  -\n  policyTypes:\n  - Ingress\n",
                           "\n  ingress:\n    -\n", "\n  ingress:\n  -\r\n...\n"}) {
    const NetworkPolicy policy = OnlyPolicy(Policy("p", spec));
    ASSERT_EQ(1u, policy.ingress.size()) << spec;
    EXPECT_TRUE(policy.ingress[0].any_peer && policy.ingress[0].any_port) << spec;
  }
  const NetworkPolicy several = OnlyPolicy(
      Policy("p", "\n  ingress:\n  -\n  -\n    ports:\n    - port: 80\n  -\n  egress: []\n"));
  ASSERT_EQ(3u, several.ingress.size());
  EXPECT_EQ(80, several.ingress[1].ports.at(0).number);
}

TEST(YamlForms, ADashInsideOfAScalarIsNoItem) {
  EXPECT_EQ(1u, Load("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  list:\n  -\n"
                     "  text: |\n    -\n    -\n  quoted: \"a\n    -\n    b\"\n---\n" +
                     Policy("p", " {}\n"))
                    .cluster.policies.size());
}

TEST(YamlForms, PlacesStayTrueBehindEmptyItems) {
  LoadResult result;
  LoadText(Policy("p", "\n  egress:\n  -\n  - # b\n  ingress:\n  -\n  - ports:\n    -  port: 0\n"),
           "f", &result);
  ASSERT_EQ(1u, result.diagnostics.size());
  EXPECT_EQ("spec.ingress[1].ports[0].port", result.diagnostics[0].field);
  EXPECT_EQ(13u, result.diagnostics[0].line);
  EXPECT_EQ(14u, result.diagnostics[0].column);
  LoadResult syntax;
  LoadText(Policy("p", "\n  egress:\n  -\n  ingress: [\n"), "f", &syntax);
  ASSERT_EQ(1u, syntax.diagnostics.size());
  EXPECT_LE(9u, syntax.diagnostics[0].line);
}

}  // namespace
}  // namespace podgate::compiler
