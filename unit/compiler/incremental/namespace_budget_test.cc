// What a namespace may take of the node's sets: classes beyond it allow nothing, others do not
// notice, and what has room again is tried again.
#include "compiler/incremental/namespace_budget.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/incremental/pipeline.h"
#include "nft/model/interpret.h"
#include "unit/compiler/support/world.h"

namespace podgate::compiler {
namespace {

using test::At;

// Different selectors that all pods meet.
LabelSelector Everybody(int number) {
  return {{{"no-such-label", Requirement::Operator::kNotIn, {fmt::format("{}", number)}}}};
}

NetworkPolicy Policy(const char* ns, const char* name, const LabelSelector& pods, int selectors,
                     int first = 0) {
  NetworkPolicy policy;
  policy.key = {ns, name};
  policy.pods = pods;
  for (int i = 0; i < selectors; ++i) {
    PolicyRule rule;
    rule.index = static_cast<std::uint32_t>(i);
    PolicyPeer peer;
    peer.pods = Everybody(first + i);
    peer.namespaces = LabelSelector{};
    rule.peers = {peer};
    PolicyPort port;
    port.number = static_cast<std::uint16_t>(1000 + i);
    rule.ports = {port};
    policy.ingress.push_back(rule);
  }
  return policy;
}

class NamespaceBudgetTest : public testing::Test {
 protected:
  NamespaceBudgetTest() {
    for (const char* ns : {"hostile", "victim"}) pipeline_.Put(Namespace{ns, {}});
    for (int i = 0; i < 20; ++i)
      pipeline_.Put(
          PodAt("victim", fmt::format("far-{}", i), "n2", fmt::format("10.2.0.{}", i + 1)));
    pipeline_.Put(PodAt("hostile", "a", "n1", "10.1.0.1"));
    pipeline_.Put(PodAt("hostile", "b", "n1", "10.1.0.2"));
    pipeline_.Put(PodAt("victim", "v", "n1", "10.1.0.3"));
    pipeline_.Put(Policy("victim", "v", {}, 2));
    pipeline_.Update();
  }
  static Pod PodAt(const std::string& ns, const std::string& name, const std::string& node,
                   const std::string& address) {
    Pod pod;
    pod.key = {ns, name};
    pod.node = node;
    pod.labels = {{"name", name}};
    pod.addresses = {At(address.c_str())};
    return pod;
  }
  bool Passes(const char* to, std::uint16_t port) {
    nft::Packet packet;
    packet.source = At("10.2.0.1");
    packet.destination = At(to);
    packet.destination_port = port;
    return nft::Interpret(pipeline_.ruleset(), nft::Hook::kForward, packet).accepted;
  }
  std::size_t Elements() const {
    std::size_t elements = 0;
    for (const auto& [name, set] : pipeline_.ruleset().sets) elements += set.elements.size();
    return elements;
  }

  // Some 23 pods: 10 sets of them fit.
  Pipeline pipeline_{"n1", {}, {.sets = 30, .elements = 300, .elements_for_each_pod = 0}};
};

TEST_F(NamespaceBudgetTest, AClassWithoutRoomAllowsNothingAndOthersDoNotNotice) {
  const std::size_t before = Elements();
  pipeline_.Put(Policy("hostile", "p", {}, 15));
  pipeline_.Update();
  EXPECT_FALSE(Passes("10.1.0.1", 1000));
  EXPECT_FALSE(Passes("10.1.0.1", 9));
  EXPECT_TRUE(Passes("10.1.0.3", 1000));
  EXPECT_LT(Elements(), before + 10) << "nothing of it is in the ruleset";
  const std::vector<Pipeline::Refused> refused = pipeline_.TakeRefused();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].policies, (std::vector<ObjectKey>{{"hostile", "p"}}));
  EXPECT_EQ(refused[0].over, OverBudget::kNamespace);

  pipeline_.Put(Policy("hostile", "p", {}, 9));
  pipeline_.Update();
  EXPECT_TRUE(Passes("10.1.0.1", 1000));
  EXPECT_FALSE(Passes("10.1.0.1", 1009));
  EXPECT_TRUE(pipeline_.TakeRefused().empty());
  EXPECT_FALSE(pipeline_.RetryRefused());
}

TEST_F(NamespaceBudgetTest, ClassesShareTheirSetsAndTheRoom) {
  const LabelSelector a{{{"name", Requirement::Operator::kIn, {"a"}}}};
  const LabelSelector b{{{"name", Requirement::Operator::kIn, {"b"}}}};
  pipeline_.Put(Policy("hostile", "pa", a, 8));
  pipeline_.Put(Policy("hostile", "pb", b, 8));
  pipeline_.Update();
  EXPECT_TRUE(Passes("10.1.0.1", 1000)) << "the same sets";
  EXPECT_TRUE(Passes("10.1.0.2", 1000));
  EXPECT_TRUE(pipeline_.TakeRefused().empty());

  pipeline_.Put(Policy("hostile", "pb", b, 8, 100));
  pipeline_.Update();
  EXPECT_TRUE(Passes("10.1.0.1", 1000));
  EXPECT_FALSE(Passes("10.1.0.2", 1000)) << "there is no room for others";
  EXPECT_EQ(pipeline_.TakeRefused().size(), 1u);

  pipeline_.RemovePolicy({"hostile", "pa"});
  pipeline_.Update();
  EXPECT_FALSE(Passes("10.1.0.2", 1000));
  EXPECT_TRUE(pipeline_.RetryRefused());
  pipeline_.Update();
  EXPECT_TRUE(Passes("10.1.0.2", 1000));
  EXPECT_FALSE(pipeline_.RetryRefused());
}

TEST_F(NamespaceBudgetTest, ManySmallSetsAreTooManyAsWell) {
  NetworkPolicy policy = Policy("hostile", "p", {}, 31);
  for (PolicyRule& rule : policy.ingress)
    rule.peers[0].pods =
        LabelSelector{{{"nobody", Requirement::Operator::kIn, {fmt::format("{}", rule.index)}}}};
  pipeline_.Put(policy);
  pipeline_.Update();
  EXPECT_EQ(pipeline_.TakeRefused().size(), 1u);
  policy.ingress.resize(20);
  pipeline_.Put(policy);
  pipeline_.Update();
  EXPECT_TRUE(pipeline_.TakeRefused().empty());
  EXPECT_FALSE(pipeline_.RetryRefused());
}

// Blocks: 2 * `count` - 1 intervals or so in one set.
NetworkPolicy BlockPolicy(const char* name, const LabelSelector& pods, unsigned count) {
  NetworkPolicy policy;
  policy.key = {"hostile", name};
  policy.pods = pods;
  PolicyRule rule;
  rule.any_port = true;
  for (unsigned i = 0; i < count; ++i) {
    PolicyPeer peer;
    peer.block = IpBlock{*ipset::Prefix::Parse(fmt::format("10.9.{}.0/24", 2 * i)), {}};
    rule.peers.push_back(peer);
  }
  policy.ingress = {rule};
  return policy;
}

// The class that the pod leaves makes room for the one that it comes to.
TEST_F(NamespaceBudgetTest, APolicyMoreDoesNotCountTheSetsTwice) {
  pipeline_.Put(BlockPolicy("p", {}, 120));
  pipeline_.Update();
  ASSERT_TRUE(pipeline_.TakeRefused().empty());
  for (int i = 0; i < 8; ++i) {  // in all orders of memory
    pipeline_.Put(BlockPolicy(fmt::format("q{}", i).c_str(), {}, 1));
    pipeline_.Update();
    EXPECT_TRUE(pipeline_.TakeRefused().empty()) << i;
  }
  EXPECT_FALSE(pipeline_.RetryRefused());
}

TEST_F(NamespaceBudgetTest, BlocksThatClassesShareCountOnce) {
  const LabelSelector a{{{"name", Requirement::Operator::kIn, {"a"}}}};
  pipeline_.Put(BlockPolicy("p", {}, 120));
  pipeline_.Put(Policy("hostile", "pa", a, 2));
  pipeline_.Update();
  EXPECT_TRUE(pipeline_.TakeRefused().empty());
  EXPECT_TRUE(Passes("10.1.0.1", 1000));
}

TEST_F(NamespaceBudgetTest, ARefusedClassThatGoesLeavesNothing) {
  const nft::Ruleset before = pipeline_.ruleset();
  pipeline_.Put(Policy("hostile", "p", {}, 15));
  pipeline_.Update();
  pipeline_.RemovePolicy({"hostile", "p"});
  pipeline_.Update();
  EXPECT_EQ(pipeline_.ruleset(), before);
  EXPECT_FALSE(pipeline_.RetryRefused());
}

// The total is for those who want much; who has little gets it whatever others have.
TEST(NamespaceBudgetTotal, ShutsOutTheLargeAndNeverTheSmall) {
  Pipeline pipeline("n1", {},
                    {.sets = 1000,
                     .elements = 1000,
                     .elements_for_each_pod = 0,
                     .total_elements = 500,
                     .small_elements = 100});
  const auto pod = [](const std::string& ns, const std::string& name, const char* node,
                      const std::string& address) {
    Pod made;
    made.key = {ns, name};
    made.node = node;
    made.addresses = {At(address.c_str())};
    return made;
  };
  for (int i = 0; i < 20; ++i)
    pipeline.Put(pod("crowd", fmt::format("p{}", i), "n2", fmt::format("10.2.0.{}", i + 1)));
  const auto passes = [&](const char* to, std::uint16_t port) {
    nft::Packet packet;
    packet.source = At("10.2.0.1");
    packet.destination = At(to);
    packet.destination_port = port;
    return nft::Interpret(pipeline.ruleset(), nft::Hook::kForward, packet).accepted;
  };
  for (const char* ns : {"crowd", "first", "second", "small"}) pipeline.Put(Namespace{ns, {}});
  pipeline.Put(pod("first", "a", "n1", "10.1.0.1"));
  pipeline.Put(pod("second", "a", "n1", "10.1.0.2"));
  pipeline.Put(pod("small", "a", "n1", "10.1.0.3"));
  pipeline.Put(Policy("first", "p", {}, 18));  // sets of some 23 elements each
  pipeline.Update();
  EXPECT_TRUE(passes("10.1.0.1", 1017));
  pipeline.Put(Policy("second", "p", {}, 10, 100));
  pipeline.Put(Policy("small", "p", {}, 4, 200));
  pipeline.Update();
  EXPECT_FALSE(passes("10.1.0.2", 1000)) << "the total is used up";
  EXPECT_TRUE(passes("10.1.0.3", 1003));
  EXPECT_FALSE(passes("10.1.0.3", 1004));
}

}  // namespace
}  // namespace podgate::compiler
