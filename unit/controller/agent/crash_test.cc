// The agent is killed at every batch of a change, before it and right after it, and started anew
// with what the cluster has become meanwhile: packets are judged as before, as after the change or
// as at the end, all the time, and the end is right.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <set>

#include "nft/model/compare.h"
#include "unit/controller/agent/loop_world.h"

namespace podgate::controller {
namespace {

constexpr std::size_t kPods = 8;  // the first half on this node

// What a cluster is made of here: a role and an application for each pod, and who lets whom in.
struct ClusterState {
  std::array<int, kPods> role{};  // 0: the pod is not there
  std::array<bool, 3> policy{};   // "pods of application i take in pods of role i + 1"
  bool egress = false;            // pods of application 0 may go to role 2 only
};

std::string AddressOf(std::size_t pod) { return fmt::format("10.0.{}.{}", pod / 4, 1 + pod % 4); }

compiler::LabelSelector Labelled(const std::string& key, int value) {
  return {{{key, compiler::Requirement::Operator::kIn, {std::to_string(value)}}}};
}

std::vector<Message> MessagesOf(const ClusterState& state) {
  std::vector<Message> messages;
  messages.push_back(Upsert(Kind::kNamespace, compiler::Namespace{"d", {}}));
  for (std::size_t pod = 0; pod < kPods; ++pod) {
    const std::string name = fmt::format("p{}", pod);
    if (state.role[pod] == 0) {
      messages.push_back(Delete(Kind::kPod, "d", name));
      continue;
    }
    messages.push_back(Upsert(
        MakePod(name, AddressOf(pod),
                {{"role", std::to_string(state.role[pod])}, {"app", std::to_string(pod % 3)}},
                pod < kPods / 2 ? "n1" : "n2")));
  }
  for (int i = 0; i < 3; ++i) {
    const std::string name = fmt::format("in{}", i);
    if (!state.policy[static_cast<std::size_t>(i)]) {
      messages.push_back(Delete(Kind::kNetworkPolicy, "d", name));
      continue;
    }
    compiler::NetworkPolicy policy = WebPolicy();
    policy.key.name = name;
    policy.pods = Labelled("app", i);
    policy.ingress[0].peers[0].pods = Labelled("role", i + 1);
    messages.push_back(Upsert(Kind::kNetworkPolicy, policy));
  }
  if (state.egress) {
    compiler::NetworkPolicy policy = WebPolicy();
    policy.key.name = "out";
    policy.pods = Labelled("app", 0);
    policy.isolates_ingress = false;
    policy.isolates_egress = true;
    policy.egress = std::move(policy.ingress);
    policy.ingress.clear();
    policy.egress[0].peers[0].pods = Labelled("role", 2);
    messages.push_back(Upsert(Kind::kNetworkPolicy, policy));
  } else {
    messages.push_back(Delete(Kind::kNetworkPolicy, "d", "out"));
  }
  return messages;
}

std::vector<Message> FullList(const ClusterState& state) {
  std::vector<Message> messages = MessagesOf(state);
  std::erase_if(messages, [](const Message& m) { return m.type == Message::Type::kDelete; });
  for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy})
    messages.push_back(Listed(kind));
  return messages;
}

ClusterState Changed(ClusterState state, std::mt19937* random) {
  const auto pick = [random](std::size_t count) { return (*random)() % count; };
  for (std::size_t changes = 1 + pick(3); changes > 0; --changes) {
    switch (pick(4)) {
      case 0:
      case 1:
        state.role[pick(kPods)] = static_cast<int>(pick(4));
        break;
      case 2: {
        bool& policy = state.policy[pick(3)];
        policy = !policy;
        break;
      }
      default:
        state.egress = !state.egress;
    }
  }
  return state;
}

using Verdicts = std::vector<bool>;

Verdicts VerdictsOf(const nft::Ruleset& table) {
  Verdicts verdicts;
  for (std::size_t from = 0; from < kPods; ++from) {
    for (std::size_t to = 0; to < kPods; ++to) {
      nft::Packet packet;
      packet.source = *ipset::Address::Parse(AddressOf(from));
      packet.destination = *ipset::Address::Parse(AddressOf(to));
      packet.destination_port = 80;
      verdicts.push_back(nft::Interpret(table, nft::Hook::kForward, packet).accepted);
    }
  }
  return verdicts;
}

class Node {
 public:
  // An agent starts, knowing the state.
  void Start(const ClusterState& state) {
    agent_ = std::make_unique<Loop>(Loop::Options{"n1", {}, false}, &kernel_, &clock_, &log_);
    agent_->Handle(FullList(state));
  }
  void Tell(const ClusterState& state) { agent_->Handle(MessagesOf(state)); }
  // Until deletions of policies are no longer held.
  void Wait() {
    clock_.Advance(EndingNamespaces::kHold);
    agent_->Tick();
  }
  void Kill() { agent_.reset(); }
  bool settled() const { return agent_->applier().settled(); }
  nft::Ruleset Table() {
    auto table = kernel_.Read("podgate");
    return table.ok() && table.value() ? *table.value() : nft::Ruleset();
  }
  nft::FakeKernel* kernel() { return &kernel_; }

 private:
  nft::FakeKernel kernel_;
  FakeClock clock_;
  Logger log_{Logger::Format::kText, LogLevel::kError, [](std::string_view) {}};
  std::unique_ptr<Loop> agent_;
};

nft::Ruleset TableOf(const ClusterState& state) {
  Node node;
  node.Start(state);
  return node.Table();
}

// The next state while the deletions of policies are held.
ClusterState Held(const ClusterState& before, ClusterState next) {
  for (std::size_t i = 0; i < next.policy.size(); ++i)
    next.policy[i] = next.policy[i] || before.policy[i];
  next.egress = next.egress || before.egress;
  return next;
}

// From one state to the next, killed at batch `place`; then started with the last state. False when
// the change has fewer batches.
bool KillAt(std::size_t place, bool answered, const std::array<ClusterState, 3>& states) {
  std::array<nft::Ruleset, 3> tables;
  std::array<Verdicts, 3> verdicts;
  for (std::size_t i = 0; i < 3; ++i) {
    tables[i] = TableOf(states[i]);
    verdicts[i] = VerdictsOf(tables[i]);
  }
  const Verdicts held = VerdictsOf(TableOf(Held(states[0], states[1])));
  const Verdicts* before = verdicts.data();
  const Verdicts* next = &held;
  Node node;
  node.Start(states[0]);
  std::size_t batches = 0;
  bool judged_with_last = false;
  const auto judge = [&] {
    const Verdicts now = VerdictsOf(node.Table());
    for (std::size_t packet = 0; packet < now.size(); ++packet) {
      const bool right = now[packet] == (*before)[packet] || now[packet] == (*next)[packet] ||
                         (judged_with_last && now[packet] == verdicts[2][packet]);
      EXPECT_TRUE(right) << "packet " << packet / kPods << " -> " << packet % kPods;
    }
  };
  bool inside = false;
  node.kernel()->before_commit = [&](const nft::Step& step) {
    if (inside) return nft::Status();
    judge();
    if (++batches < place) return nft::Status();
    if (batches == place && answered) {  // it is committed, and nobody is there to hear it
      inside = true;
      EXPECT_TRUE(node.kernel()->Commit(step).ok());
      inside = false;
    }
    return nft::Status(nft::Status::Code::kOverrun, "killed");
  };
  node.Tell(states[1]);
  if (batches < place) {
    before = &held;
    next = &verdicts[1];
    node.Wait();
  }
  const bool killed = batches >= place;
  node.Kill();
  node.kernel()->before_commit = [&](const nft::Step&) {
    judge();
    return nft::Status();
  };
  judge();
  judged_with_last = true;
  node.Start(states[2]);
  judge();
  EXPECT_TRUE(node.settled());
  EXPECT_TRUE(nft::SameForKernel(node.Table(), tables[2]));
  return killed;
}

TEST(Crash, AtEveryBatchOfAChange) {
  std::mt19937 random(5);
  std::size_t killed = 0;
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    ClusterState first;
    for (int& role : first.role) role = static_cast<int>(random() % 4);
    first.policy = {true, random() % 2 == 0, random() % 2 == 0};
    const ClusterState second = Changed(first, &random);
    for (const ClusterState& third : {second, first, Changed(second, &random)}) {
      for (const bool answered : {false, true}) {
        for (std::size_t place = 1; KillAt(place, answered, {first, second, third}); ++place) {
          ++killed;
        }
      }
      if (HasFailure()) return;
    }
  }
  fmt::print("killed {} times\n", killed);
  EXPECT_GT(killed, 500U);
}

}  // namespace
}  // namespace podgate::controller
