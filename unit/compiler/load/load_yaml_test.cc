// YAML as Kubernetes' tools read it: scalars of YAML 1.1, aliases, merge keys, documents and what
// follows a bad one.

#include <gtest/gtest.h>

#include "compiler/load/yaml_expand.h"
#include "compiler/load/yaml_scalar.h"
#include "compiler/model/selector.h"
#include "unit/compiler/load/load_helpers.h"

namespace podgate::compiler {
namespace {

using test::Load;
using test::Messages;
using test::OnlyPod;
using test::OnlyPolicy;
using Type = YamlScalar::Type;

struct Scalar {
  const char* text;
  Type type;
  std::int64_t value;
};

// What the tools' own reader (sigs.k8s.io/yaml) makes of each was looked up with it.
const Scalar kScalars[] = {
    {"y", Type::kBool, 1},
    {"Y", Type::kBool, 1},
    {"yes", Type::kBool, 1},
    {"YES", Type::kBool, 1},
    {"on", Type::kBool, 1},
    {"On", Type::kBool, 1},
    {"true", Type::kBool, 1},
    {"TRUE", Type::kBool, 1},
    {"n", Type::kBool, 0},
    {"N", Type::kBool, 0},
    {"no", Type::kBool, 0},
    {"off", Type::kBool, 0},
    {"False", Type::kBool, 0},
    {"tRue", Type::kString, 0},
    {"yES", Type::kString, 0},
    {"", Type::kNull, 0},
    {"~", Type::kNull, 0},
    {"null", Type::kNull, 0},
    {"Null", Type::kNull, 0},
    {"NULL", Type::kNull, 0},
    {"nULL", Type::kString, 0},
    {"80", Type::kInteger, 80},
    {"+1", Type::kInteger, 1},
    {"-1", Type::kInteger, -1},
    {"0", Type::kInteger, 0},
    {"-0", Type::kInteger, 0},
    {"010", Type::kInteger, 8},
    {"-010", Type::kInteger, -8},
    {"0o17", Type::kInteger, 15},
    {"0x50", Type::kInteger, 80},
    {"0X5f", Type::kInteger, 95},
    {"-0x10", Type::kInteger, -16},
    {"0b11", Type::kInteger, 3},
    {"0B11", Type::kInteger, 3},
    {"-0b11", Type::kInteger, -3},
    {"1_000", Type::kInteger, 1000},
    {"0x_50", Type::kInteger, 80},
    {"1_", Type::kInteger, 1},
    {"08", Type::kInteger, 8},
    {"09", Type::kInteger, 9},
    {"0_8", Type::kInteger, 8},
    {"1e3", Type::kInteger, 1000},
    {"1E+3", Type::kInteger, 1000},
    {"80.0", Type::kInteger, 80},
    {"1.", Type::kInteger, 1},
    {"-1.0", Type::kInteger, -1},
    {"1.10", Type::kNumber, 0},
    {".5", Type::kNumber, 0},
    {"-.5", Type::kNumber, 0},
    {"1e-3", Type::kNumber, 0},
    {".inf", Type::kNumber, 0},
    {"-.Inf", Type::kNumber, 0},
    {".nan", Type::kNumber, 0},
    {"NaN", Type::kString, 0},
    {"inf", Type::kString, 0},
    {"0b12", Type::kString, 0},
    {"0xg", Type::kString, 0},
    {"0x", Type::kString, 0},
    {"0o8", Type::kString, 0},
    {"1e", Type::kString, 0},
    {".", Type::kString, 0},
    {"+", Type::kString, 0},
    {"--1", Type::kString, 0},
    {"_1", Type::kString, 0},
    {"1.1.1", Type::kString, 0},
    {"12:30:45", Type::kString, 0},
    {"2001-01-01", Type::kString, 0},
    {"0x1p4", Type::kString, 0},
    {"1,000", Type::kString, 0},
    {"1e400", Type::kString, 0},
    {"a", Type::kString, 0},
    {"web", Type::kString, 0},
    {"9223372036854775807", Type::kInteger, INT64_MAX},
    {"-9223372036854775808", Type::kInteger, INT64_MIN},
    {"9223372036854775808", Type::kNumber, 0},
    {"18446744073709551616", Type::kNumber, 0},
};

TEST(YamlScalar, PlainScalarsAreReadAsYaml11) {
  for (const Scalar& c : kScalars) {
    const auto scalar = ResolveScalar(c.text, true, YamlTag::kNone);
    ASSERT_TRUE(scalar) << c.text;
    EXPECT_EQ(c.type, scalar->type) << c.text;
    if (c.type == Type::kBool) {
      EXPECT_EQ(c.value != 0, scalar->boolean) << c.text;
    }
    if (c.type == Type::kInteger) {
      EXPECT_EQ(c.value, scalar->integer) << c.text;
    }
    EXPECT_EQ(Type::kString, ResolveScalar(c.text, false, YamlTag::kNone)->type) << c.text;
    EXPECT_EQ(Type::kString, ResolveScalar(c.text, true, YamlTag::kString)->type) << c.text;
  }
}

TEST(YamlScalar, TagsDecide) {
  EXPECT_EQ(7, ResolveScalar("7", false, YamlTag::kInt)->integer);
  EXPECT_TRUE(ResolveScalar("yes", false, YamlTag::kBool)->boolean);
  EXPECT_FALSE(ResolveScalar("a", true, YamlTag::kInt));
  EXPECT_FALSE(ResolveScalar("1", true, YamlTag::kBool));
  EXPECT_FALSE(ResolveScalar("aGk=", true, YamlTag::kBinary));
  EXPECT_EQ(YamlTag::kNone, ParseTag(""));
  EXPECT_EQ(YamlTag::kString, ParseTag("!"));
  EXPECT_EQ(YamlTag::kString, ParseTag("tag:yaml.org,2002:str"));
  EXPECT_EQ(YamlTag::kOther, ParseTag("!local"));
  EXPECT_EQ(YamlTag::kOther, ParseTag("tag:yaml.org,2002:map"));
}

TEST(YamlScalar, SingleQuotes) {
  EXPECT_EQ("it's", UnquoteSingle("it''s"));
  EXPECT_EQ("a''b'", UnquoteSingle("a''''b''"));
  EXPECT_EQ("", UnquoteSingle(""));
  EXPECT_EQ("a b\nc\n\nd ", UnquoteSingle("a \n b\n \n\tc\r\n\n\n  d "));
  EXPECT_EQ(" a ", UnquoteSingle("\na\n"));
  // Through libfyaml, which reads it as a'''.
  EXPECT_EQ(
      "f:6:39: networkpolicy x/web: spec.podSelector.matchLabels: the label value \"a''b\" must be "
      "empty or consist "
      "of letters, digits, '-', '_' and '.', and must start and end with a letter or digit\n",
      Messages(TEST_POLICY "spec: {podSelector: {matchLabels: {b: 'a''''b'}}}\n"));
  EXPECT_EQ(
      "[a''b''''c]",
      OnlyPod("{apiVersion: v1, kind: Pod, metadata: {name: a, uid: '[a''''b''''''''c]'}}").uid);
}

TEST(YamlScalar, KeysBecomeStrings) {
  EXPECT_EQ("true", ResolveKey("yes", true, YamlTag::kNone));
  EXPECT_EQ("yes", ResolveKey("yes", false, YamlTag::kNone));
  EXPECT_EQ("16", ResolveKey("0x10", true, YamlTag::kNone));
  EXPECT_EQ("1.5", ResolveKey("1.5", true, YamlTag::kNone));
  EXPECT_EQ(std::nullopt, ResolveKey("~", true, YamlTag::kNone));
}

TEST(Yaml, NumbersInManyForms) {
  const NetworkPolicy policy = OnlyPolicy(
      TEST_POLICY
      "spec: {ingress: [{ports: [{port: 0x50}, {port: 010}, {port: 1_000, endPort: 1e3}]}]}\n");
  const std::vector<PolicyPort> ports = {{Protocol::kTcp, 80, std::nullopt, ""},
                                         {Protocol::kTcp, 8, std::nullopt, ""},
                                         {Protocol::kTcp, 1000, 1000, ""}};
  EXPECT_EQ(ports, policy.ingress.at(0).ports);
}

TEST(Yaml, StylesOfScalars) {
  const Pod pod = OnlyPod(
      "apiVersion: \"v1\"\n"
      "'kind': Pod\n"
      "metadata:\n"
      "  name: >-\n"
      "    a\n"
      "  namespace: |-\n"
      "    x\n"
      "  labels: {a: \"\\x77eb\", b: 'its'  , ? c : plain , \"d\":\"1\", e: !!str 80, f: ! 81, "
      "g: !local 82}\n"
      "  annotations:\n"
      "    text: |\n"
      "      kind: Service\n"
      "       --- no document\n"
      "      {\n"
      "spec: {nodeName: !!str n1}\n");
  EXPECT_EQ((ObjectKey{"x", "a"}), pod.key);
  EXPECT_EQ("n1", pod.node);
  ASSERT_EQ(7u, pod.labels.size());
  EXPECT_EQ("web", pod.labels[0].second);
  EXPECT_EQ("80", pod.labels[4].second);
  EXPECT_EQ("81", pod.labels[5].second);
  EXPECT_EQ("82", pod.labels[6].second);
}

// The mark of libfyaml stands behind the quote; ours does not.
TEST(Yaml, PlaceOfAQuotedScalar) {
  EXPECT_EQ(
      "f:6:39: networkpolicy x/web: spec.podSelector.matchLabels: the label value \"it's\" must be "
      "empty or consist "
      "of letters, digits, '-', '_' and '.', and must start and end with a letter or digit\n",
      Messages(TEST_POLICY "spec: {podSelector: {matchLabels: {b: 'it''s'}}}\n"));
}

TEST(Yaml, AliasesAreExpanded) {
  const NetworkPolicy policy = OnlyPolicy(TEST_POLICY
                                          "spec:\n"
                                          "  podSelector: &web\n"
                                          "    matchLabels: &labels {app: &name web}\n"
                                          "  ingress:\n"
                                          "  - from: &peers\n"
                                          "    - podSelector: *web\n"
                                          "    - namespaceSelector: {matchLabels: *labels}\n"
                                          "  - from: *peers\n"
                                          "    ports: [&port {port: 80}, *port, {port: *name}]\n");
  EXPECT_EQ("app=web", ToString(policy.pods));
  ASSERT_EQ(2u, policy.ingress.size());
  EXPECT_EQ(policy.ingress[0].peers, policy.ingress[1].peers);
  EXPECT_EQ("app=web", ToString(*policy.ingress[1].peers.at(1).namespaces));
  EXPECT_EQ(3u, policy.ingress[1].ports.size());
  EXPECT_EQ("web", policy.ingress[1].ports[2].name);
}

TEST(Yaml, AnAnchorThatIsGivenAgainMeansTheLaterNode) {
  const Pod pod = OnlyPod(
      "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {a: &x '1', b: *x, c: &x '2', d: "
      "*x, *x : e}}}\n");
  EXPECT_EQ((Labels{{"2", "e"}, {"a", "1"}, {"b", "1"}, {"c", "2"}, {"d", "2"}}), pod.labels);
}

TEST(Yaml, AnchorsDoNotReachIntoOtherDocuments) {
  EXPECT_EQ("f:3:4: the alias \"x\" has no anchor before it\n",
            Messages("{a: &x 1, kind: A, apiVersion: b/c}\n---\na: *x\n"));
}

TEST(Yaml, MergeKeys) {
  const Pod pod = OnlyPod(
      "apiVersion: v1\n"
      "kind: Pod\n"
      "metadata:\n"
      "  annotations: &base {a: base, b: base}\n"
      "  name: a\n"
      "  labels:\n"
      "    <<: [{<<: *base, c: list, a: list}, {c: second, d: second, e: second}]\n"
      "    e: own\n");
  EXPECT_EQ((Labels{{"a", "list"}, {"b", "base"}, {"c", "list"}, {"d", "second"}, {"e", "own"}}),
            pod.labels);
  // Quoted it is a key like any other.
  EXPECT_EQ(
      "f:1:60: pod default/a: metadata.labels: the label key \"<<\" is not valid: its name must "
      "consist of "
      "letters, digits, '-', '_' and '.', and must start and end with a letter or digit\n",
      Messages("{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {  '<<': a}}}\n"));
}

TEST(Yaml, MergedObjectsAreReadLikeOwnOnes) {
  const LoadResult result = Load(
      "apiVersion: v1\n"
      "kind: List\n"
      "items:\n"
      "- &first\n"
      "  apiVersion: v1\n"
      "  kind: Pod\n"
      "  metadata: {name: a, labels: {app: web}}\n"
      "  spec: {nodeName: n1}\n"
      "- <<: *first\n"
      "  metadata: {name: b}\n");
  EXPECT_EQ("", Messages(result));
  ASSERT_EQ(2u, result.cluster.pods.size());
  EXPECT_EQ("n1", result.cluster.pods.at({"default", "b"}).node);
  EXPECT_TRUE(result.cluster.pods.at({"default", "b"}).labels.empty());
}

TEST(Yaml, ListsWithKindAfterItems) {
  const std::string item = "{metadata: {name: a, namespace: x}, spec: {nodeName: n1}}";
  const std::vector<std::string> texts = {
      "apiVersion: v1\nkind: PodList\nitems: [" + item + "]\n",
      "apiVersion: v1\nitems: [" + item + "]\nkind: PodList\n",
      "items: [" + item + "]\nkind: PodList\napiVersion: v1\n",
      std::string(
          R"({"items":[{"metadata":{"name":"a","namespace":"x"},"spec":{"nodeName":"n1"}}],"kind":"PodList","apiVersion":"v1"})"),
      "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: PodList\n  items: [" + item +
          "]\n",
      "apiVersion: v1\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x}, "
      "spec: {nodeName: n1}}]\nkind: List\n"};
  for (const std::string& text : texts) EXPECT_EQ("n1", OnlyPod(text).node) << text;
}

TEST(Yaml, ListsOfOtherKindsArePassedOver) {
  EXPECT_EQ("",
            Messages("apiVersion: v1\nkind: ServiceList\nitems: [{spec: {}}, {metadata: {}}]\n"));
  EXPECT_EQ("", Messages("items: [{spec: {}}]\napiVersion: apps/v1\nkind: DeploymentList\n"));
  EXPECT_EQ("", Messages("apiVersion: v1\nkind: List\nitems: null\n"));
}

TEST(Yaml, DocumentsAndTheirMarkers) {
  const std::string pod = "{apiVersion: v1, kind: Pod, metadata: {name: ";
  const LoadResult result =
      Load("\xef\xbb\xbf# a comment\n%YAML 1.1\n---\n" + pod + "a}}\n---\r\n" + pod +
           "b}}\r\n--- " + pod + "c}}\n...\n# between\n%YAML 1.1\n---\n" + pod +
           "d}}\n---\n---\n# empty\n--- # comment\n" + pod + "e}}\n...");
  EXPECT_EQ("", Messages(result));
  EXPECT_EQ(5u, result.cluster.pods.size());
}

TEST(Yaml, ABadDocumentHidesNoOtherAndLinesStayTrue) {
  const char* const bad[] = {"a:\n\tb: 1\n", "a: \"open\n",      "a: [\n",
                             "}\n",          "a: *x\n",          "- a\n-b\n",
                             "a: \x01\n",    "a: \xff\n",        "? [a]\n: b\n",
                             "hello\n",      "{\"a\": 1\n",      "kind: Pod\n",
                             "a: !x!y z\n",  "{{ template }}\n", "a: |\n x\n  y\nz\n"};
  const std::string policy =
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: w}\nspec: 1\n";
  for (const std::string text : bad) {
    const LoadResult result = Load("{apiVersion: v1, kind: Namespace, metadata: {name: a}}\n---\n" +
                                   text + "---\n" + policy);
    EXPECT_EQ(1u, result.cluster.namespaces.count("a")) << text;
    EXPECT_EQ(1u, result.cluster.policies.size()) << text;
    ASSERT_EQ(2u, result.diagnostics.size()) << text << Messages(result);
    EXPECT_GE(result.diagnostics[0].line, 3u) << text;
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    EXPECT_LE(result.diagnostics[0].line, 3 + lines) << text;
    EXPECT_EQ(3 + lines + 4, result.diagnostics[1].line) << text;
    EXPECT_EQ("spec", result.diagnostics[1].field) << text;
  }
}

TEST(Json, ObjectsOneBehindTheOther) {
  const std::string pod = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")";
  const LoadResult result =
      Load(pod + "a\"}}\n" + pod + "b\"}} " + pod + "c\"}}\n---\n" + pod + "d\"}}\n");
  EXPECT_EQ("", Messages(result));
  EXPECT_EQ(4u, result.cluster.pods.size());
}

TEST(Json, AfterABadObjectTheNextLineThatBeginsOneCounts) {
  const std::string pod = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")";
  const LoadResult result =
      Load(pod + "a\"}}\n" + pod + "b\"]}\n" + pod + "c\"}}\n{\"cut\": \"o\n" + pod + "d\"}}\n");
  EXPECT_EQ(3u, result.cluster.pods.size());
  EXPECT_EQ(1u, result.cluster.pods.count({"default", "d"}));
  ASSERT_EQ(2u, result.diagnostics.size()) << Messages(result);
  EXPECT_EQ(2u, result.diagnostics[0].line);
  EXPECT_EQ(4u, result.diagnostics[1].line);
}

TEST(Json, FlowMappingsThatOnlyLookLikeJson) {
  EXPECT_EQ(
      "a",
      OnlyPod("{\"apiVersion\": v1, # comment\n \"kind\": Pod, metadata: {name: a,},}\n").key.name);
  EXPECT_EQ("a", OnlyPod("{ apiVersion: v1, kind: Pod, metadata: {name: a}}\n").key.name);
}

TEST(Json, FloatsAreNoPorts) {
  const std::string policy =
      R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"p"},"spec":{"ingress":[{"ports":[{"port":)";
  for (const char* port : {"80.0", "8e1", "true", "{}", "[]", "99999999999999999999"}) {
    const std::string messages = Messages(policy + port + "}]}]}}");
    EXPECT_EQ(
        0u, messages.find(
                "f:1:122: networkpolicy default/p: spec.ingress[0].ports[0].port: must be a whole "
                "number from 1 to 65535, found "))
        << messages;
  }
}

// libfyaml writes errors to stderr unless it is kept from it, and crashes over lines with tabs
// then.
TEST(Yaml, ErrorsInDocumentsWithEmptyItemsAreOnlyDiagnostics) {
  const std::string tabs(40, '\t');
  testing::internal::CaptureStderr();
  const std::string messages = Messages("-\na" + tabs + "b: [c:" + tabs + "'" + tabs + "\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_NE(messages, "");
}

// What ends the list that is too much has no place of its own.
TEST(Yaml, AMergeThatExpandsTooFarHasAPlace) {
  std::string items;
  // So many that the list's end is one too many.
  constexpr std::size_t kEvent = sizeof(YamlEvent);
  for (std::size_t i = 0; i < (YamlExpander::kMaxExpandedBytes - kEvent) / (kEvent + 1); ++i)
    items += "1,";
  EXPECT_EQ(test::Messages("a: {<<: [" + items + "]}\n"),
            "f:1:5: the document's aliases and merge keys expand to more than 64 MiB\n");
}

}  // namespace
}  // namespace podgate::compiler
