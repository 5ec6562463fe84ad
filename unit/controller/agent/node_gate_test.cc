// The loop under a name that may be wrong: nothing is written until the name is found to be right
// or nothing speaks against it, a table of another node is left alone, and once rules are written
// they are kept up to date.
#include <gtest/gtest.h>

#include <string>

#include "compiler/codegen/table_comment.h"
#include "compiler/ir/build_ir.h"
#include "nft/plan/diff.h"
#include "unit/controller/agent/loop_world.h"
#include "unit/controller/transport/fake_transport.h"

namespace podgate::controller {
namespace {

using std::chrono::seconds;

constexpr const char* kHere = "172.18.0.11";
constexpr const char* kThere = "172.18.0.12";

std::string NodeJson(const std::string& address) {
  return R"({"kind":"Node","metadata":{"name":"n1"},"status":{"addresses":[)"
         R"({"type":"InternalIP","address":")" +
         address + R"("}]}})";
}
constexpr const char* kNotFound =
    R"({"kind":"Status","reason":"NotFound","details":{"name":"n1","kind":"nodes"},"code":404})";

// A loop that is not believed: its API server is a script.
struct World : LoopWorld {
  explicit World(bool node_renamed = false, bool dry_run = false)
      : gated({"n1", {}, dry_run, node_renamed}, &kernel, &clock, &log,
              {.monitor = &monitor, .board = &board, .events = &events, .node_lookup = &lookup}) {}

  FakeTransport transport{&clock};
  RequestLimiter limiter{&clock};
  AgentStatsBoard board{clock.Now()};
  NodeLookup lookup{"n1",
                    &transport,
                    &limiter,
                    &clock,
                    [] { return nft::Result<nft::Addresses>({*ipset::Address::Parse(kHere)}); },
                    [] {}};
  Loop gated;

  // What the API server says of the Node, from now on.
  void Say(int status, const std::string& body) {
    Answer answer;
    answer.status = status;
    answer.pieces = {body};
    transport.script = {answer};
    lookup.Look();
    gated.Tick();
  }
  void Put(Message message) {
    std::vector<Message> batch;
    batch.push_back(std::move(message));
    gated.Handle(std::move(batch));
    gated.Tick();
  }
  // A pod as a kubelet leaves it.
  void PutPod(const std::string& name, const std::string& address, const std::string& node,
              const char* host) {
    compiler::Pod pod = MakePod(name, address, {{"app", "web"}}, node);
    if (host != nullptr) pod.host_addresses = {*ipset::Address::Parse(host)};
    Put(Upsert(std::move(pod)));
  }
  void List() {
    Put(Upsert(Kind::kNetworkPolicy, WebPolicy()));
    for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy}) Put(Listed(kind));
  }
  // The table that an agent of another name left, with one isolated pod.
  nft::Ruleset Leave(const std::string& node, const std::string& comment = {}) {
    compiler::Cluster cluster;
    cluster.namespaces["d"] = {"d", {}};
    cluster.pods[{"d", "web"}] = MakePod("web", "10.0.0.1", {{"app", "web"}}, node);
    cluster.policies[{"d", "web"}] = WebPolicy();
    nft::Ruleset table = compiler::Compile(compiler::BuildIr(cluster, node));
    if (!comment.empty()) table.comment = comment;
    EXPECT_TRUE(nft::CommitAll(&kernel, nft::Diff(nullptr, table)).ok());
    kernel.committed.clear();
    return Table();
  }
  std::string Problem() { return board.Read().node_problem; }
  bool Written() const { return !kernel.committed.empty(); }
};

TEST(NodeGate, WaitsForTheFirstAnswer) {
  World world;
  world.PutPod("web", "10.0.0.1", "n1", kHere);
  world.List();
  EXPECT_FALSE(world.Written());
  EXPECT_EQ(world.Problem(), "the agent has not asked yet whether node n1 is this machine");
  world.Say(200, NodeJson(kHere));
  EXPECT_TRUE(world.Written());
  EXPECT_EQ(world.Problem(), "");
  EXPECT_FALSE(world.Passes("10.9.9.9", "10.0.0.1"));
  EXPECT_TRUE(world.events.told.empty());
}

TEST(NodeGate, AnAnswerThatTellsNothingIsEnough) {
  for (const int status : {0, 403, 404, 500}) {
    World world;
    world.Say(status, "404 page not found");
    world.PutPod("web", "10.0.0.1", "n1", nullptr);
    world.List();
    EXPECT_TRUE(world.Written()) << status;
    EXPECT_EQ(world.Problem(), "") << status;
  }
}

TEST(NodeGate, WritesNothingUnderAnAbsentNameAndGoesOnByItself) {
  World world;
  world.PutPod("other", "10.0.0.2", "n2", kThere);
  world.List();
  world.Say(404, kNotFound);
  for (int i = 0; i < 100; ++i) {
    world.clock.Advance(seconds(60));
    world.gated.Tick();
  }
  world.PutPod("another", "10.0.0.3", "n2", kThere);
  EXPECT_FALSE(world.Written());
  EXPECT_FALSE(world.board.Read().settled);
  EXPECT_EQ(world.Problem(), "the cluster has no Node n1: check --node");
  EXPECT_EQ(world.Logged("node name does not fit this machine, the rules in the kernel stay"), 1u);
  EXPECT_EQ(world.Logged("policies are enforced"), 0u);
  ASSERT_EQ(world.events.told.size(), 1u);
  EXPECT_EQ(world.events.told[0].reason, "WrongNode");
  EXPECT_EQ(world.events.told[0].note,
            "The agent is not ready: the cluster has no Node n1: check --node. It leaves the rules "
            "in the kernel as they are.");
  EXPECT_LT(world.lookup.NextLook(), world.clock.Now());  // a minute after the last at most
  world.Say(200, NodeJson(kHere));
  EXPECT_TRUE(world.Written());
  EXPECT_EQ(world.Problem(), "");
  EXPECT_EQ(world.Logged("node name fits this machine again"), 1u);
  EXPECT_EQ(world.Logged("policies are enforced"), 1u);
}

TEST(NodeGate, PodsThatNameTheNodeOpenItAtOnce) {
  World world;
  world.Say(404, kNotFound);
  world.List();
  EXPECT_FALSE(world.Written());
  world.PutPod("web", "10.0.0.1", "n1", nullptr);  // nobody asked the API server again
  EXPECT_TRUE(world.Written());
}

TEST(NodeGate, PodsDecideWithoutTheNode) {
  World world;
  world.Say(403, "{}");
  world.PutPod("web", "10.0.0.1", "n1", kThere);
  world.List();
  EXPECT_FALSE(world.Written());
  EXPECT_EQ(world.Problem(),
            "the pods of node n1 run at the addresses 172.18.0.12, and this machine has none of "
            "them: check --node");
  world.PutPod("web", "10.0.0.1", "n1", kHere);
  EXPECT_TRUE(world.Written());

  World other;
  other.Say(403, "{}");
  other.PutPod("web", "10.0.0.1", "n2", kHere);
  other.List();
  EXPECT_FALSE(other.Written());
  EXPECT_TRUE(other.Problem().ends_with("this machine is node n2")) << other.Problem();
}

TEST(NodeGate, RulesThatAreWrittenAreKeptUpToDate) {
  World world;
  world.Say(200, NodeJson(kHere));
  world.PutPod("web", "10.0.0.1", "n1", kHere);
  world.List();
  ASSERT_TRUE(world.Written());
  world.kernel.committed.clear();
  world.Say(200, NodeJson(kThere));
  EXPECT_TRUE(world.board.Read().settled);
  EXPECT_TRUE(world.Problem().starts_with("Node n1 has the addresses 172.18.0.12"));
  EXPECT_EQ(world.Logged("node name no longer fits this machine, the rules are kept up to date"),
            1u);
  EXPECT_FALSE(world.Passes("10.9.9.9", "10.0.0.1"));
  world.PutPod("more", "10.0.0.2", "n1", kHere);
  EXPECT_TRUE(world.Written());
  EXPECT_FALSE(world.Passes("10.9.9.9", "10.0.0.2"));
  world.Say(200, NodeJson(kHere));
  EXPECT_EQ(world.Problem(), "");
}

TEST(NodeGate, ATableOfAnotherNodeIsLeftAlone) {
  World world;
  const nft::Ruleset left = world.Leave("n2");
  world.Say(403, "{}");
  world.List();
  EXPECT_EQ(world.Problem(),
            "no pod of the cluster runs on node n1, and this kernel isolates 1 pod under node n2: "
            "check --node, or give --node-renamed to take its table over");
  EXPECT_FALSE(world.board.Read().settled);
  for (int i = 0; i < 100; ++i) {
    world.clock.Advance(seconds(7));
    world.gated.Tick();
  }
  // Not even when the name is right beyond doubt.
  world.Say(200, NodeJson(kHere));
  world.PutPod("mine", "10.0.0.7", "n1", kHere);
  world.clock.Advance(seconds(7));
  world.gated.Tick();
  EXPECT_EQ(world.Problem(),
            "this kernel isolates 1 pod under node n2, and the agent runs as node n1: check "
            "--node, or give --node-renamed to take the table over");
  EXPECT_FALSE(world.Written());
  EXPECT_EQ(world.Table(), left);
  EXPECT_EQ(world.Logged("cannot apply the ruleset"), 0u);
  // Somebody removes it.
  nft::Step step{nft::Phase::kSweep, "podgate", {nft::DeleteTable{}}};
  ASSERT_TRUE(world.kernel.Commit(step).ok());
  world.clock.Advance(seconds(7));
  world.gated.Tick();
  EXPECT_EQ(world.Table().comment, compiler::TableComment("n1"));
  EXPECT_EQ(world.Problem(), "");
}

TEST(NodeGate, ATableOfAnotherNodeIsTakenOverWhenTold) {
  World world(true);
  world.Leave("n2");
  world.Say(403, "{}");
  world.List();
  EXPECT_TRUE(world.Written());
  EXPECT_EQ(world.Table().comment, compiler::TableComment("n1"));
  // The option says nothing of the name itself.
  World absent(true);
  absent.Leave("n2");
  absent.Say(404, kNotFound);
  absent.List();
  EXPECT_FALSE(absent.Written());
}

TEST(NodeGate, TablesWithoutANodeAreTakenOver) {
  for (const char* comment :
       {"NetworkPolicy of this node, kept up to date by Podgate", "somebody's"}) {
    World world;
    world.Leave("n2", comment);
    world.Say(200, NodeJson(kHere));
    world.List();
    EXPECT_EQ(world.Table().comment, compiler::TableComment("n1")) << comment;
  }
}

TEST(NodeGate, ATableThatBecomesAnotherNodesIsDrift) {
  World world;
  world.Say(200, NodeJson(kHere));
  world.PutPod("web", "10.0.0.1", "n1", kHere);
  world.List();
  const nft::Ruleset empty = compiler::Compile(compiler::BuildIr({}, "n2"));
  nft::Step step{nft::Phase::kSweep, "podgate", {nft::DeleteTable{}}};
  ASSERT_TRUE(world.kernel.Commit(step).ok());
  ASSERT_TRUE(nft::CommitAll(&world.kernel, nft::Diff(nullptr, empty)).ok());
  world.clock.Advance(seconds(1));
  world.gated.Tick();
  EXPECT_EQ(world.Table().comment, compiler::TableComment("n1"));
  EXPECT_FALSE(world.Passes("10.9.9.9", "10.0.0.1"));
}

TEST(NodeGate, ADryRunPrintsUnderAnyName) {
  World world(false, true);
  world.Leave("n2");
  world.Say(404, kNotFound);
  world.List();
  EXPECT_TRUE(world.Written());
  EXPECT_EQ(world.Problem(), "the cluster has no Node n1: check --node");
}

}  // namespace
}  // namespace podgate::controller
