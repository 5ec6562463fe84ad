// What a policy means once it is decoded: accepted forms, defaults, and what is left of broken
// ones.

#include <gtest/gtest.h>

#include "compiler/model/selector.h"
#include "unit/compiler/load/load_helpers.h"

namespace podgate::compiler {
namespace {

using test::Load;
using test::Messages;
using test::OnlyPolicy;

std::string Block(const PolicyPeer& peer) {
  if (!peer.block) return "none";
  std::string text = peer.block->cidr.ToString();
  for (const ipset::Prefix& except : peer.block->except) text += " - " + except.ToString();
  return text;
}

// A policy that is not valid, as it is delivered.
NetworkPolicy Broken(std::string_view text) {
  const LoadResult result = Load(text);
  EXPECT_TRUE(result.HasErrors()) << text;
  EXPECT_EQ(1u, result.cluster.policies.size()) << text;
  if (result.cluster.policies.empty()) return {};
  const NetworkPolicy& policy = result.cluster.policies.begin()->second;
  EXPECT_EQ(result.diagnostics, policy.errors) << text;
  return policy;
}

TEST(DecodePolicy, EveryField) {
  const NetworkPolicy policy =
      OnlyPolicy(TEST_POLICY
                 "  uid: u-1\n"
                 "  labels: {team: a}\n"
                 "  annotations: {note: 'any text: 1'}\n"
                 "  managedFields: [{manager: kubectl}]\n"
                 "spec:\n"
                 "  podSelector:\n"
                 "    matchLabels: {app: web, tier: ''}\n"
                 "    matchExpressions:\n"
                 "    - {key: env, operator: NotIn, values: [b, a, b]}\n"
                 "    - {key: example.com/x, operator: Exists}\n"
                 "    - {key: z, operator: DoesNotExist, values: []}\n"
                 "  policyTypes: [Egress, Ingress]\n"
                 "  ingress:\n"
                 "  - from:\n"
                 "    - podSelector: {matchLabels: {app: lb}}\n"
                 "    - namespaceSelector: {}\n"
                 "    - podSelector: {}\n"
                 "      namespaceSelector: {matchLabels: {team: b}}\n"
                 "    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/24]}\n"
                 "    ports:\n"
                 "    - {protocol: UDP, port: 53}\n"
                 "    - {port: 8000, endPort: 8999}\n"
                 "    - {protocol: SCTP}\n"
                 "    - {port: http}\n"
                 "  - {}\n"
                 "  egress:\n"
                 "  - to: [{ipBlock: {cidr: '::/0'}}]\n");
  EXPECT_EQ((ObjectKey{"x", "web"}), policy.key);
  EXPECT_EQ("u-1", policy.uid);
  EXPECT_EQ("app=web,env notin (a,b),example.com/x,tier=,!z", ToString(policy.pods));
  EXPECT_TRUE(policy.isolates_ingress);
  EXPECT_TRUE(policy.isolates_egress);
  EXPECT_TRUE(policy.errors.empty());
  ASSERT_EQ(2u, policy.ingress.size());
  const PolicyRule& rule = policy.ingress[0];
  ASSERT_EQ(4u, rule.peers.size());
  EXPECT_EQ("app=lb", ToString(*rule.peers[0].pods));
  EXPECT_FALSE(rule.peers[0].namespaces);
  EXPECT_FALSE(rule.peers[1].pods);
  EXPECT_EQ("", ToString(*rule.peers[1].namespaces));
  EXPECT_EQ("", ToString(*rule.peers[2].pods));
  EXPECT_EQ("team=b", ToString(*rule.peers[2].namespaces));
  EXPECT_EQ("10.0.0.0/8 - 10.1.0.0/16 - 10.2.0.0/24", Block(rule.peers[3]));
  const std::vector<PolicyPort> ports = {{Protocol::kUdp, 53, std::nullopt, ""},
                                         {Protocol::kTcp, 8000, 8999, ""},
                                         {Protocol::kSctp, std::nullopt, std::nullopt, ""},
                                         {Protocol::kTcp, std::nullopt, std::nullopt, "http"}};
  EXPECT_EQ(ports, rule.ports);
  EXPECT_FALSE(rule.any_peer);
  EXPECT_FALSE(rule.any_port);
  EXPECT_TRUE(policy.ingress[1].any_peer);
  EXPECT_TRUE(policy.ingress[1].any_port);
  EXPECT_EQ(1u, policy.ingress[1].index);
  ASSERT_EQ(1u, policy.egress.size());
  EXPECT_EQ("::/0", Block(policy.egress[0].peers.at(0)));
}

TEST(DecodePolicy, PolicyTypesAreDefaultedAsTheApiDoes) {
  struct Case {
    const char* spec;
    bool ingress, egress;
  };
  const Case cases[] = {
      {"spec: {}\n", true, false},
      {"spec: null\n", true, false},
      {"", true, false},
      {"spec: {egress: []}\n", true, false},
      {"spec: {egress: null}\n", true, false},
      {"spec: {egress: [{}]}\n", true, true},
      {"spec: {ingress: [{}], egress: [{}]}\n", true, true},
      {"spec: {policyTypes: []}\n", true, false},
      {"spec: {policyTypes: [], egress: [{}]}\n", true, true},
      {"spec: {policyTypes: null, egress: [{}]}\n", true, true},
      {"spec: {policyTypes: [Egress]}\n", false, true},
      {"spec: {policyTypes: [Ingress], egress: [{}]}\n", true, false},
      {"spec: {policyTypes: [Ingress, Ingress]}\n", true, false},
      {"spec: {policyTypes: [Egress, Ingress]}\n", true, true},
  };
  for (const Case& c : cases) {
    const NetworkPolicy policy = OnlyPolicy(TEST_POLICY + std::string(c.spec));
    EXPECT_EQ(c.ingress, policy.isolates_ingress) << c.spec;
    EXPECT_EQ(c.egress, policy.isolates_egress) << c.spec;
    EXPECT_TRUE(policy.pods.requirements.empty()) << c.spec;
  }
}

TEST(DecodePolicy, NullIsAbsent) {
  const NetworkPolicy none =
      OnlyPolicy(TEST_POLICY "spec: {podSelector: null, ingress: null, policyTypes: null}\n");
  EXPECT_TRUE(none.ingress.empty());
  const NetworkPolicy policy =
      OnlyPolicy(TEST_POLICY
                 "spec:\n"
                 "  podSelector: {matchLabels: null, matchExpressions: null}\n"
                 "  ingress:\n"
                 "    - {from: null, ports: null}\n"
                 "    -\n"
                 "    - from: [{podSelector: null, namespaceSelector: {}, ipBlock: null}]\n"
                 "      ports: [{protocol: null, port: null, endPort: null}]\n"
                 "    - from: [{ipBlock: {cidr: 10.0.0.0/8, except: null}}]\n"
                 "      ports: [null]\n");
  ASSERT_EQ(4u, policy.ingress.size());
  EXPECT_TRUE(policy.ingress[0].any_peer && policy.ingress[0].any_port);
  EXPECT_TRUE(policy.ingress[1].any_peer && policy.ingress[1].any_port);
  EXPECT_FALSE(policy.ingress[2].peers.at(0).pods);
  EXPECT_TRUE(policy.ingress[2].peers.at(0).namespaces);
  EXPECT_EQ(PolicyPort(), policy.ingress[2].ports.at(0));
  EXPECT_EQ("10.0.0.0/8", Block(policy.ingress[3].peers.at(0)));
  EXPECT_EQ(PolicyPort(), policy.ingress[3].ports.at(0));  // all of TCP, as in the API
  // The value of a label is then the empty string.
  EXPECT_EQ("app=",
            ToString(OnlyPolicy(TEST_POLICY "spec: {podSelector: {matchLabels: {app: }}}\n").pods));
}

TEST(DecodePolicy, EmptyListsAllowEverything) {
  const NetworkPolicy policy =
      OnlyPolicy(TEST_POLICY "spec: {ingress: [{from: [], ports: []}], egress: []}\n");
  ASSERT_EQ(1u, policy.ingress.size());
  EXPECT_TRUE(policy.ingress[0].any_peer);
  EXPECT_TRUE(policy.ingress[0].any_port);
}

TEST(DecodePolicy, BordersOfWhatIsValid) {
  const std::string key_name(63, 'k');
  const std::string prefix = std::string(63, 'p') + "." + std::string(63, 'q');
  const std::string value(63, 'v');
  const NetworkPolicy policy = OnlyPolicy(
      TEST_POLICY "spec:\n  podSelector: {matchLabels: {" + prefix + "/" + key_name + ": " + value +
      ", A.b_c-D: x_Y.z-1, '1': '2'}}\n"
      "  ingress:\n"
      "  - ports:\n"
      "    - {port: 1, endPort: 65535}\n"
      "    - {port: 65535, endPort: 65535}\n"
      "    - {port: abcdefghijklmno}\n"
      "    - {port: a}\n"
      "    - {port: 1a-2}\n"
      "    from:\n"
      "    - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 0.0.0.0/1]}\n"
      "    - ipBlock: {cidr: 10.0.0.1/32}\n"
      "    - ipBlock: {cidr: 'FD00:0::/16', except: ['fd00::/17', 'fd00::1/128']}\n");
  EXPECT_EQ(3u, policy.pods.requirements.size());
  EXPECT_EQ(5u, policy.ingress.at(0).ports.size());
  EXPECT_EQ(3u, policy.ingress.at(0).peers.size());
}

TEST(DecodePolicy, OldCidrFormsAreWarnings) {
  const LoadResult result = Load(TEST_POLICY
                                 "spec:\n"
                                 "  ingress:\n"
                                 "  - from:\n"
                                 "    - ipBlock: {cidr: 10.1.2.3/8, except: [10.1.0.1/16]}\n"
                                 "    - ipBlock: {cidr: 010.000.0.0/08}\n"
                                 "    - ipBlock: {cidr: '::ffff:10.0.0.0/104'}\n");
  EXPECT_FALSE(result.HasErrors());
  ASSERT_EQ(4u, result.diagnostics.size());
  for (const Diagnostic& diagnostic : result.diagnostics) {
    EXPECT_EQ(Diagnostic::Severity::kWarning, diagnostic.severity);
    EXPECT_NE(std::string::npos, diagnostic.ToString().find(": warning: "))
        << diagnostic.ToString();
  }
  EXPECT_EQ("spec.ingress[0].from[0].ipBlock.except[0]", result.diagnostics[1].field);
  const NetworkPolicy& policy = result.cluster.policies.at({"x", "web"});
  EXPECT_TRUE(policy.errors.empty());
  EXPECT_EQ("10.0.0.0/8 - 10.1.0.0/16", Block(policy.ingress.at(0).peers.at(0)));
  EXPECT_EQ("10.0.0.0/8", Block(policy.ingress.at(0).peers.at(1)));
  EXPECT_EQ("10.0.0.0/8", Block(policy.ingress.at(0).peers.at(2)));
}

// Broken policies: what cannot be read allows nothing, and selects no fewer pods.

TEST(BrokenPolicy, UnreadableSelectorSelectsASuperset) {
  EXPECT_EQ(
      "app=web,tier",
      ToString(
          Broken(TEST_POLICY "spec: {podSelector: {matchLabels: {app: web, tier: 1}}}\n").pods));
  EXPECT_EQ("", ToString(Broken(TEST_POLICY "spec: {podSelector: all}\n").pods));
  EXPECT_EQ(
      "app",
      ToString(Broken(TEST_POLICY "spec: {podSelector: {matchLabels: {app: a, app: b}}}\n").pods));
  EXPECT_EQ("x",
            ToString(Broken(TEST_POLICY
                            "spec: {podSelector: {matchExpressions: [{key: x, operator: Exists}, "
                            "{key: y, operator: Like, values: [a]}]}}\n")
                         .pods));
}

// It isolates pods that it was never meant for; what it allows must not open those to anybody.
TEST(BrokenPolicy, WithAnUnreadableSelectorItAllowsNothing) {
  const std::pair<const char*, const char*> selections[] = {
      {"podSelector: {matchExpressions: [{key: app, operator: In, values: ['web ']}]}", "app"},
      {"podSelector: {matchExpressions: [{key: app, operator: In, values: []}]}", "app"},
      {"podSelector: {matchExpressions: [{key: app, operator: In, values: web}]}", "app"},
      {"podSelector: {matchExpressions: [{key: app, operator: NotIn, values: ['web ', a]}]}", ""},
      {"podSelector: {matchExpressions: [{key: app, operator: Is, values: [web]}]}", ""},
      {"podSelector: {matchExpressions: [{key: app, operator: Exists, values: [web]}]}", "app"},
      {"podSelector: {matchExpressions: [{key: 'a b', operator: Exists}]}", ""},
      {"podSelector: {matchExpressions: {key: app}}", ""},
      {"podSelector: {matchLabels: {app: 5}}", "app"},
      {"podSelector: {matchLabels: {app: 'z z'}}", "app"},
      {"podSelector: {matchLabels: {'a b': zz}}", ""},
      {"podSelector: {matchLabels: {app: zz, app: yy}}", "app"},
      {"podSelector: {app: zz}", ""},
      {"podSelector: web", ""},
      {"podSelector: {}, podSelector: {}", ""},
      {"podSelectr: {matchLabels: {app: web}}", ""}};
  for (const auto& [selection, selected] : selections) {
    const NetworkPolicy policy = Broken(TEST_POLICY "spec: {" + std::string(selection) +
                                        ", policyTypes: [Ingress, Egress], ingress: [{}], "
                                        "egress: [{}]}\n");
    EXPECT_EQ(selected, ToString(policy.pods)) << selection;
    EXPECT_TRUE(policy.isolates_ingress && policy.isolates_egress) << selection;
    EXPECT_TRUE(policy.ingress.empty() && policy.egress.empty()) << selection;
  }
}

// Policies that were there before API servers checked them have such values; no label has.
TEST(BrokenPolicy, AValueThatNoLabelHasIsNothingInAList) {
  const NetworkPolicy policy =
      Broken(TEST_POLICY
             "spec: {podSelector: {matchExpressions: [{key: app, operator: In, values: [web, "
             "'web ']}]}, ingress: [{from: [{podSelector: {matchExpressions: [{key: a, operator: "
             "In, values: [b, 'c d']}]}}]}]}\n");
  EXPECT_EQ("app=web", ToString(policy.pods));
  ASSERT_EQ(1u, policy.ingress.size());
  ASSERT_EQ(1u, policy.ingress[0].peers.size());
  EXPECT_EQ("a=b", ToString(*policy.ingress[0].peers[0].pods));
}

// It says that it belongs elsewhere: in `default` it would isolate, and allow, what it never meant.
TEST(BrokenPolicy, WithAnUnreadableNamespaceItIsNowhere) {
  for (const char* const space : {"007", "[other]", "{a: b}"}) {
    const LoadResult result = Load(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: " +
        std::string(space) + "}\nspec: {podSelector: {}, ingress: [{}]}\n");
    EXPECT_TRUE(result.HasErrors()) << space;
    EXPECT_NE(Messages(result).find("metadata.namespace: "), std::string::npos) << Messages(result);
    EXPECT_TRUE(result.cluster.policies.empty()) << space;
  }
}

TEST(BrokenPolicy, UnreadablePeersAllowNothing) {
  const char* const peers[] = {"web",
                               "null",
                               "{}",
                               "{podSelector: web}",
                               "{podSelector: {matchLabels: {app: 1}}}",
                               "{podSelector: {}, namespaceSelectr: {}}",
                               "{podSelector: {}, namespaceSelector: {matchLabels: [a]}}",
                               "{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}",
                               "{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}",
                               "{ipBlock: {cidr: 10.0.0.0/8, except: 10.1.0.0/16}}",
                               "{ipBlock: {cidr: 10.0.0.0/8, excpt: [10.1.0.0/16]}}",
                               "{ipBlock: {except: [10.1.0.0/16]}}"};
  for (const char* peer : peers) {
    const NetworkPolicy policy = Broken(TEST_POLICY "spec: {ingress: [{from: [" +
                                        std::string(peer) + "]}, {from: [{podSelector: {}}]}]}\n");
    ASSERT_EQ(2u, policy.ingress.size()) << peer;
    EXPECT_FALSE(policy.ingress[0].any_peer) << peer;
    EXPECT_TRUE(policy.ingress[0].peers.empty()) << peer;
    EXPECT_EQ(1u, policy.ingress[1].peers.size()) << peer;
  }
}

TEST(BrokenPolicy, UnreadablePortsAllowNothing) {
  const char* const ports[] = {"80",
                               "{port: 0}",
                               "{port: '80'}",
                               "{port: 80, endPort: 70}",
                               "{endPort: 70}",
                               "{protocol: tcp}",
                               "{port: 80, prot: UDP}"};
  for (const char* port : ports) {
    const NetworkPolicy policy =
        Broken(TEST_POLICY "spec: {ingress: [{ports: [" + std::string(port) + "]}]}\n");
    ASSERT_EQ(1u, policy.ingress.size()) << port;
    EXPECT_FALSE(policy.ingress[0].any_port) << port;
    EXPECT_TRUE(policy.ingress[0].ports.empty()) << port;
    EXPECT_TRUE(policy.ingress[0].any_peer) << port;
  }
}

TEST(BrokenPolicy, UnreadableListsAllowNothing) {
  const NetworkPolicy policy = Broken(TEST_POLICY "spec: {ingress: [{from: all, ports: all}]}\n");
  ASSERT_EQ(1u, policy.ingress.size());
  EXPECT_FALSE(policy.ingress[0].any_peer);
  EXPECT_FALSE(policy.ingress[0].any_port);
  EXPECT_TRUE(policy.ingress[0].peers.empty());
  EXPECT_TRUE(policy.ingress[0].ports.empty());
}

TEST(BrokenPolicy, RulesWithUnknownMembersAreLeftOutAndTheOthersKeepTheirIndex) {
  const NetworkPolicy policy =
      Broken(TEST_POLICY "spec: {ingress: [{form: []}, all, {ports: [{port: 80}]}]}\n");
  ASSERT_EQ(1u, policy.ingress.size());
  EXPECT_EQ(2u, policy.ingress[0].index);
}

TEST(BrokenPolicy, UnreadableDirectionsIsolateBoth) {
  const char* const specs[] = {"{policyTypes: Ingress}",
                               "{policyTypes: [ingress]}",
                               "{policyTypes: [Ingress, Ingress, Ingress]}",
                               "{policyTypes: [Ingress, 1]}",
                               "{egres: []}",
                               "{egress: all}",
                               "{ingress: [], ingress: []}",
                               "all"};
  for (const char* spec : specs) {
    const NetworkPolicy policy = Broken(TEST_POLICY "spec: " + std::string(spec) + "\n");
    EXPECT_TRUE(policy.isolates_ingress) << spec;
    EXPECT_TRUE(policy.isolates_egress) << spec;
    EXPECT_TRUE(policy.ingress.empty() && policy.egress.empty()) << spec;
  }
  // A list that can be read counts, whatever else is wrong.
  const NetworkPolicy egress = Broken(TEST_POLICY "spec: {policyTypes: [Egress], egres: []}\n");
  EXPECT_FALSE(egress.isolates_ingress);
  EXPECT_TRUE(egress.isolates_egress);
}

TEST(BrokenPolicy, RulesOfADirectionThatDoesNotCountAreStillChecked) {
  EXPECT_EQ(
      "f:6:57: networkpolicy x/web: spec.egress[0].ports[0].port: must be from 1 to 65535, found "
      "0\n",
      Messages(TEST_POLICY "spec: {policyTypes: [Ingress], egress: [{ports: [{port: 0}]}]}\n"));
}

TEST(BrokenPolicy, ManyProblemsAreCounted) {
  std::string spec = "spec:\n  ingress:\n  - ports:\n";
  for (int i = 0; i < 500; ++i) spec += "    - port: 0\n";
  const LoadResult result = Load(TEST_POLICY + spec);
  ASSERT_EQ(101u, result.diagnostics.size());
  EXPECT_EQ("f:108:13: networkpolicy x/web: has 400 more problems",
            result.diagnostics.back().ToString());
}

}  // namespace
}  // namespace podgate::compiler
