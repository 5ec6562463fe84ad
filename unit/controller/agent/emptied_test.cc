// Objects that lose what they hold since their namespace has too much: closed for their own pods,
// and nothing else changes.
#include "controller/watch/emptied.h"

#include <gtest/gtest.h>

#include "unit/controller/agent/loop_world.h"

namespace podgate::controller {
namespace {

Message Emptied(Kind kind, compiler::ObjectKey key) {
  Message message;
  message.type = Message::Type::kEmpty;
  message.kind = kind;
  message.key = std::move(key);
  compiler::Diagnostic why;
  why.message = "too much";
  message.diagnostics = {why};
  return message;
}

TEST(Emptied, APolicyIsolatesAndAllowsNothingUntilItIsToldAgain) {
  LoopWorld world;
  world.Start();
  ASSERT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
  world.Tell(Emptied(Kind::kNetworkPolicy, {"d", "web"}));
  EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1"));
  EXPECT_EQ(world.Logged("networkpolicy d/web: too much"), 1U) << world.logged;
  ASSERT_EQ(world.events.told.size(), 1U);
  EXPECT_EQ(world.events.told[0].reason, "InvalidPolicy");
  world.Tell(Emptied(Kind::kNetworkPolicy, {"d", "web"}));
  world.Tell(Emptied(Kind::kNetworkPolicy, {"d", "nosuch"}));
  EXPECT_EQ(world.Logged("too much"), 1U) << world.logged;
  world.Tell(Upsert(Kind::kNetworkPolicy, WebPolicy()));
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
}

TEST(Emptied, APodIsIsolatedAndNobodysPeer) {
  for (const char* name : {"web", "client"}) {
    LoopWorld world;
    world.Start();
    world.Tell(Emptied(Kind::kPod, {"d", name}));
    EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1")) << name;
    EXPECT_EQ(world.Logged("too much"), 1U) << world.logged;
    world.Tell(Emptied(Kind::kPod, {"d", name}));
    EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1")) << name;
  }
}

TEST(Emptied, ALargeSelectorSelectsTheWholeNamespace) {
  compiler::NetworkPolicy policy = WebPolicy();
  for (const bool large : {false, true}) {
    policy.pods.requirements = {{"app", compiler::Requirement::Operator::kIn,
                                 std::vector<std::string>(1, std::string(large ? 4096 : 1, 'x'))}};
    compiler::Object object = policy;
    std::vector<compiler::Diagnostic> diagnostics;
    Empty("too much", &object, &diagnostics);
    const auto& left = std::get<compiler::NetworkPolicy>(object);
    EXPECT_EQ(left.pods.requirements.empty(), large);
    EXPECT_TRUE(left.ingress.empty() && left.egress.empty());
    EXPECT_EQ(left.isolates_ingress, policy.isolates_ingress);
    EXPECT_EQ(left.errors, diagnostics);
  }
}

TEST(Emptied, ThePolicyForTheRestIsolatesBothWays) {
  LoopWorld world;
  world.Start();
  compiler::NetworkPolicy rest = PolicyForTheRest("d", "too many");
  world.Tell(Upsert(Kind::kNetworkPolicy, rest, rest.errors));
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1")) << "another policy allows it";
  EXPECT_FALSE(world.Passes("10.0.0.1", "10.0.1.1"));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.1"));
}

}  // namespace
}  // namespace podgate::controller
