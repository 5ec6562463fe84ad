// Which evidence says that the agent's name is this machine's, and which that it is not.
#include "controller/node/node_verdict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace podgate::controller {
namespace {

using Kind = NodeVerdict::Kind;
using State = NodeObject::State;

nft::Addresses At(const std::vector<std::string>& texts) {
  nft::Addresses addresses;
  for (const std::string& text : texts) addresses.push_back(*ipset::Address::Parse(text));
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

const std::vector<std::string> kMachine{"127.0.0.1", "::1", "172.18.0.11", "fd00:18::11",
                                        "10.244.1.1"};

struct Case {
  const char* what;
  State state;
  std::vector<std::string> node;  // its addresses
  bool named_by_pods;
  std::vector<std::string> pods;  // what they tell
  const char* other_node;
  Kind kind;
  const char* problem;
};

TEST(NodeVerdict, Table) {
  const std::vector<Case> cases{
      // The Node decides.
      {"an address of the Node is here",
       State::kFound,
       {"172.18.0.11"},
       false,
       {},
       "",
       Kind::kRight,
       ""},
      {"one of several is enough",
       State::kFound,
       {"203.0.113.1", "fd00:18::11"},
       false,
       {},
       "",
       Kind::kRight,
       ""},
      {"pods of another node do not matter then",
       State::kFound,
       {"172.18.0.11"},
       true,
       {"172.18.0.12"},
       "n2",
       Kind::kRight,
       ""},
      {"none of its addresses is here",
       State::kFound,
       {"172.18.0.12"},
       false,
       {},
       "",
       Kind::kWrong,
       "Node n1 has the addresses 172.18.0.12, and this machine has none of them: check --node"},
      {"its pods do not help",
       State::kFound,
       {"172.18.0.12"},
       true,
       {"172.18.0.11"},
       "",
       Kind::kWrong,
       "Node n1 has the addresses 172.18.0.12, and this machine has none of them: check --node"},
      {"and pods tell whose they are",
       State::kFound,
       {"172.18.0.12"},
       false,
       {},
       "n2",
       Kind::kWrong,
       "Node n1 has the addresses 172.18.0.12, and this machine has none of them: check --node: by "
       "the addresses in its pods' statuses this machine is node n2"},
      {"long lists are cut",
       State::kFound,
       {"1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4", "1.1.1.5"},
       false,
       {},
       "",
       Kind::kWrong,
       "Node n1 has the addresses 1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4, ..., and this machine has "
       "none of them: check --node"},
      {"loopback tells nothing", State::kFound, {"127.0.0.1"}, false, {}, "", Kind::kUnknown, ""},
      {"nor does a Node that was just made", State::kFound, {}, false, {}, "", Kind::kUnknown, ""},
      {"then pods decide",
       State::kFound,
       {},
       true,
       {"172.18.0.12"},
       "",
       Kind::kWrong,
       "the pods of node n1 run at the addresses 172.18.0.12, and this machine has none of them: "
       "check --node"},
      // The Node cannot be read.
      {"nothing is known", State::kUnknown, {}, false, {}, "", Kind::kUnknown, ""},
      {"pods name it and tell nothing", State::kUnknown, {}, true, {}, "", Kind::kUnknown, ""},
      {"pods name it, here", State::kUnknown, {}, true, {"172.18.0.11"}, "", Kind::kRight, ""},
      {"pods name it, here and elsewhere",
       State::kUnknown,
       {},
       true,
       {"172.18.0.11", "172.18.0.12"},
       "n2",
       Kind::kRight,
       ""},
      {"pods name it, elsewhere",
       State::kUnknown,
       {},
       true,
       {"172.18.0.12"},
       "",
       Kind::kWrong,
       "the pods of node n1 run at the addresses 172.18.0.12, and this machine has none of them: "
       "check --node"},
      {"pods of another node are here",
       State::kUnknown,
       {},
       false,
       {},
       "n2",
       Kind::kWrong,
       "nothing in the cluster gives node n1 an address of this machine: check --node: by the "
       "addresses in its pods' statuses this machine is node n2"},
      {"pods of another node are here, and its own tell nothing",
       State::kUnknown,
       {},
       true,
       {},
       "n2",
       Kind::kWrong,
       "nothing in the cluster gives node n1 an address of this machine: check --node: by the "
       "addresses in its pods' statuses this machine is node n2"},
      // The server says that there is no such Node.
      {"no Node",
       State::kAbsent,
       {},
       false,
       {},
       "",
       Kind::kAbsent,
       "the cluster has no Node n1: check --node"},
      {"no Node, and another is here",
       State::kAbsent,
       {},
       false,
       {},
       "n2",
       Kind::kAbsent,
       "the cluster has no Node n1: check --node: by the addresses in its pods' statuses this "
       "machine is node n2"},
      {"no Node, but pods that name it", State::kAbsent, {}, true, {}, "", Kind::kUnknown, ""},
      {"no Node, but pods that name it, here",
       State::kAbsent,
       {},
       true,
       {"172.18.0.11"},
       "",
       Kind::kRight,
       ""},
  };
  for (const Case& c : cases) {
    NodeEvidence evidence;
    evidence.object = {c.state, At(c.node)};
    evidence.machine = At(kMachine);
    evidence.named_by_pods = c.named_by_pods;
    evidence.host_addresses = At(c.pods);
    evidence.other_node = c.other_node;
    const NodeVerdict verdict = JudgeNode("n1", evidence);
    EXPECT_EQ(verdict.kind, c.kind) << c.what;
    EXPECT_EQ(verdict.problem, c.problem) << c.what;
    EXPECT_EQ(verdict.stops(), !verdict.problem.empty()) << c.what;
  }
}

TEST(NodeVerdict, AMachineThatIsNotKnownStopsNothing) {
  NodeEvidence evidence;
  evidence.object = {State::kFound, At({"172.18.0.12"})};
  EXPECT_EQ(JudgeNode("n1", evidence).kind, Kind::kUnknown);
  evidence.object = {};
  evidence.host_addresses = At({"172.18.0.12"});
  EXPECT_EQ(JudgeNode("n1", evidence).kind, Kind::kUnknown);
  evidence.object.state = State::kAbsent;  // nothing has to be compared for that
  EXPECT_EQ(JudgeNode("n1", evidence).kind, Kind::kAbsent);
}

}  // namespace
}  // namespace podgate::controller
