// dry-run and explain on folders of files: exit codes, what is said on standard error, and what is
// left out of it.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "controller/base/exit_code.h"
#include "controller/cli/cli_input.h"
#include "controller/cli/cli_offline.h"

namespace podgate::controller {
namespace {

constexpr const char* kPods =
    "apiVersion: v1\nkind: PodList\nitems:\n"
    "- {metadata: {name: web, namespace: shop}, spec: {nodeName: n1}, status: {podIPs: [{ip: "
    "10.0.0.1}]}}\n"
    "- {metadata: {name: api, namespace: shop, labels: {app: api}}, spec: {nodeName: n2}, status: "
    "{podIPs: [{ip: 10.0.0.2}]}}\n";
constexpr const char* kPolicy =
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: api, namespace: "
    "shop}\nspec: {podSelector: {matchLabels: {app: api}}, ingress: []}\n";

class OfflineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "offline_XXXXXX";
    ASSERT_NE(nullptr, mkdtemp(name.data()));
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
  }
  // What it says has no temporary directory's name.
  std::string Said() const {
    std::string text = err_.str();
    for (std::size_t at; (at = text.find(root_.string())) != std::string::npos;)
      text.replace(at, root_.string().size(), "ROOT");
    return text;
  }
  InputOptions Input() const {
    InputOptions input;
    input.paths = {root_.string()};
    input.recursive = true;
    input.strict = strict_;
    input.quiet = quiet_;
    return input;
  }
  int Explained(const std::string& from, const std::string& to) {
    out_.str("");
    err_.str("");
    ExplainOptions options;
    options.input = Input();
    options.from = from;
    options.target = to;
    return Explain(options, out_, err_);
  }
  int Probed(const std::string& file) {
    out_.str("");
    err_.str("");
    ExplainOptions options;
    options.input = Input();
    options.input.quiet = true;
    options.probes = (root_ / file).string();
    return Explain(options, out_, err_);
  }
  int Ruleset(const std::string& node) {
    out_.str("");
    err_.str("");
    DryRunOptions options;
    options.input = Input();
    options.node = node;
    return DryRun(options, out_, err_);
  }

  std::filesystem::path root_;
  bool strict_ = false;
  bool quiet_ = false;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(OfflineTest, FilesThatAreNoManifestsAreCounted) {
  Write("pods.yaml", kPods);
  Write("policy.yaml", kPolicy);
  Write("values.yaml", "replicas: 3\n");
  Write("package.json", "{\"name\":\"x\"}");
  Write("chart/templates/d.yaml", "kind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n");
  Write("broken.yaml", "a: [b\n");
  EXPECT_EQ(Explained("shop/web", "shop/api:80"), kExitNegative);
  EXPECT_EQ(Said(),
            "ROOT/broken.yaml:2:1: warning: not valid YAML: flow sequence without a closing "
            "bracket\n"
            "read 6 files: 1 policy, 2 pods; skipped 2 documents that are not Kubernetes objects, "
            "1 unreadable document, 1 Helm template (render them: helm template)\n");
  EXPECT_EQ(Explained("shop/api", "shop/web:80"), kExitOk);
  EXPECT_EQ(Ruleset("n1"), kExitOk);
  quiet_ = true;
  EXPECT_EQ(Ruleset("n1"), kExitOk);
  EXPECT_EQ(Said().find("read 6 files"), std::string::npos);
  strict_ = true;
  EXPECT_EQ(Explained("shop/web", "shop/api:80"), kExitBadInput);
  EXPECT_NE(out_.str(), "");
  EXPECT_NE(Said().find("ROOT/values.yaml:1:1: kind: missing"), std::string::npos) << Said();
  EXPECT_EQ(Said().find("warning"), std::string::npos) << Said();
}

TEST_F(OfflineTest, AnUnreadablePolicyEndsWith4AfterTheAnswer) {
  Write("pods.yaml", kPods);
  Write("policy.yaml", std::string(kPolicy) + "---\nkind: NetworkPolicy\nspec: [\n");
  EXPECT_EQ(Explained("shop/web", "shop/api:80"), kExitBadInput);
  EXPECT_EQ(out_.str().substr(0, 5), "deny:");
  EXPECT_EQ(Ruleset("n2"), kExitBadInput);
  EXPECT_NE(out_.str(), "");
}

TEST_F(OfflineTest, PoliciesThatAreNotEnforcedAreNamedAlways) {
  Write("pods.yaml", kPods);
  Write("others.yaml",
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicyList\nitems: [{metadata: {name: a}}, "
        "{metadata: {name: b}}]\n---\n"
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n---\n"
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicys\n");
  quiet_ = true;
  EXPECT_EQ(Explained("shop/web", "shop/api:80"), kExitOk);
  EXPECT_EQ(Said(),
            "warning: 2 CiliumNetworkPolicies and 1 ClusterNetworkPolicy are not evaluated: "
            "answers ignore them\n"
            "warning: 1 object is not evaluated, its kind is unknown: NetworkPolicys; did you mean "
            "NetworkPolicy?\n");
  Write("others.yaml", "kind: NetworkPolicy\nmetadata: {name: {{ .x }}}\n");
  EXPECT_EQ(Explained("shop/web", "shop/api:80"), kExitOk);
  EXPECT_EQ(Said(),
            "warning: 1 Helm template of a NetworkPolicy (render them: helm template) is not "
            "evaluated: answers ignore it\n");
}

TEST_F(OfflineTest, AnInputWithoutObjectsIsBad) {
  Write("values.yaml", "a: b\n");
  Write("list.json", R"({"apiVersion":"v1","kind":"List","items":[]})");
  for (const int code : {Ruleset(""), Ruleset("n1"), Explained("a/b", "a/c:1")}) {
    EXPECT_EQ(code, kExitBadInput);
    EXPECT_NE(Said().find("no objects in the input"), std::string::npos) << Said();
    EXPECT_EQ(out_.str(), "");
  }
}

TEST_F(OfflineTest, AnUnknownNodeIsBadInput) {
  quiet_ = true;
  Write("pods.yaml", kPods);
  EXPECT_EQ(Ruleset("n3"), kExitBadInput);
  EXPECT_EQ(Said(), "podgate: node n3 is not in the input; did you mean n1 or n2?\n");
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(Explained("node:n3", "shop/api:80"), kExitBadInput);
  EXPECT_EQ(Said(), "podgate: node n3 is not in the input; did you mean n1 or n2?\n");
  EXPECT_EQ(Explained("shop/webb", "shop/api:80"), kExitBadInput);
  EXPECT_EQ(Said(), "podgate: pod shop/webb is not in the input; did you mean shop/web?\n");
  // Policies alone name no node; what they are on one can be shown all the same.
  Write("pods.yaml", kPolicy);
  EXPECT_EQ(Ruleset("n3"), kExitOk);
  // A Node without pods is known.
  Write("node.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: n5}\n");
  EXPECT_EQ(Ruleset("n5"), kExitOk);
  EXPECT_EQ(Ruleset("n3"), kExitBadInput);
}

TEST_F(OfflineTest, ProbesThatCannotBeReadAreBadInput) {
  Write("pods.yaml", kPods);
  EXPECT_EQ(Probed("missing"), kExitBadInput);
  EXPECT_EQ(Said(),
            "podgate: cannot read the probes in ROOT/missing: check that the file is there and "
            "readable\n");
  EXPECT_EQ(Probed(""), kExitBadInput);
  EXPECT_EQ(Said(),
            "podgate: cannot read the probes in ROOT/ to the end: Is a directory; the questions "
            "that were not read have no answer\n");
  EXPECT_EQ(out_.str(), "");
  Write("probes", "shop/web shop/api:80\nshop/api shop/web:80\n");
  EXPECT_EQ(Probed("probes"), kExitOk);
  EXPECT_EQ(Said(), "");
}

TEST_F(OfflineTest, AnswersThatNobodyCanReadAreNotWorkedOut) {
  Write("pods.yaml", kPods);
  Write("probes", "shop/web shop/api:80\nno question\n");
  EXPECT_EQ(Probed("probes"), kExitBadInput);
  // Once the output has failed, no line is looked at.
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(Probed("probes"), kExitOk);
}

TEST_F(OfflineTest, OfManyNodesTenAreNamed) {
  quiet_ = true;
  std::string nodes;
  for (int i = 0; i < 1000; ++i)
    nodes += "apiVersion: v1\nkind: Node\nmetadata: {name: node" + std::to_string(i) + "}\n---\n";
  Write("nodes.yaml", nodes);
  EXPECT_EQ(Ruleset(""), kExitUsage);
  EXPECT_EQ(Said(),
            "podgate: a ruleset is made for one node; give --node NAME (the input has 1000 nodes: "
            "node0, node1, node10, node100, node101, node102, node103, node104, node105, node106, "
            "…)\n");
}

TEST_F(OfflineTest, NamespacesWithoutLabelsAreWarnedOf) {
  quiet_ = true;
  Write("pods.yaml", kPods);
  const auto policy = [](const std::string& selector) {
    return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: api, "
           "namespace: shop}\nspec: {podSelector: {}, ingress: [{from: [{namespaceSelector: " +
           selector + "}]}]}\n";
  };
  Write("policy.yaml", policy("{matchLabels: {team: a}}"));
  EXPECT_EQ(Explained("shop/web", "shop/api:80"), kExitNegative);
  EXPECT_EQ(Said(),
            "warning: policy shop/api selects namespaces by their labels, and the input does not "
            "hold namespace shop: no label but kubernetes.io/metadata.name is known of it; add the "
            "output of kubectl get namespaces -o yaml\n");
  for (const char* known : {"{}", "{matchLabels: {kubernetes.io/metadata.name: shop}}"}) {
    Write("policy.yaml", policy(known));
    EXPECT_EQ(Explained("shop/web", "shop/api:80"), kExitOk);
    EXPECT_EQ(Said(), "");
  }
  Write("policy.yaml", policy("{matchLabels: {team: a}}"));
  Write("ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
  EXPECT_EQ(Explained("shop/web", "shop/api:80"), kExitNegative);
  EXPECT_EQ(Said(), "");
}

}  // namespace
}  // namespace podgate::controller
