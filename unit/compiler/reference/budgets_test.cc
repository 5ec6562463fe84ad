// The evaluator's count of port pieces and the IR's are two: they agree on both sides of the limit.
#include "compiler/reference/budgets.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "compiler/ir/build_ir.h"
#include "unit/compiler/reference/ask.h"
#include "unit/compiler/support/world.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

using test::Block;
using test::World;

World OnePod(const std::vector<NamedPort>& ports = {}) {
  World w;
  w.AddNamespace("shop");
  w.AddPod("shop/web", "n1", {{"app", "web"}}, {"10.1.0.1"}).ports = ports;
  w.AddPod("shop/db", "n2", {{"app", "db"}}, {"10.2.0.1"});
  return w;
}

PolicyRule RuleAt(std::vector<PolicyPort> ports) {
  PolicyRule rule;
  rule.peers = {Block("10.0.0.0/8")};
  rule.ports = std::move(ports);
  return rule;
}

PolicyPort RangeOf(Protocol protocol, unsigned first, unsigned last) {
  PolicyPort port;
  port.protocol = protocol;
  port.number = static_cast<std::uint16_t>(first);
  port.end = static_cast<std::uint16_t>(last);
  return port;
}

// Whether both say that the policies of the pod are over their budget; "" when they differ.
std::string Both(const World& w) {
  const NodeIr ir = BuildIr(w.cluster, "n1");
  if (ir.classes.size() != 1) return "no class";
  const bool compiled = ir.classes[0].over_budget == OverBudget::kPortPieces;
  const FlowAnswer answer = test::Ask(w.cluster, "shop/db shop/web:7/tcp");
  const bool asked = answer.reason.find("port pieces times rules") != std::string::npos;
  return compiled != asked ? "" : compiled ? "over" : "within";
}

TEST(Budgets, ARuleCountsOnceForARangeAndOnceForAllPorts) {
  World w = OnePod();
  std::vector<PolicyRule> rules;
  for (unsigned i = 0; i < 50; ++i) {
    std::vector<PolicyPort> ports(1);
    for (unsigned b = 1; b <= 10; ++b)
      ports.push_back(RangeOf(Protocol::kTcp, 1000 * b + i, 1000 * b + 998 - i));
    rules.push_back(RuleAt(ports));
  }
  w.Ingress("shop/p", {}, rules);
  EXPECT_EQ(Both(w), "over");
}

TEST(Budgets, ANamedPortCountsAsManyAsThePodHas) {
  std::vector<NamedPort> ports;
  for (std::uint16_t i = 0; i < 600; ++i)
    ports.push_back({"p", Protocol::kTcp, static_cast<std::uint16_t>(100 + 2 * i)});
  World w = OnePod(ports);
  PolicyPort named;
  named.name = "p";
  w.Ingress("shop/p", {}, std::vector<PolicyRule>(150, RuleAt({named})));
  EXPECT_EQ(Both(w), "over");
}

TEST(Budgets, ARuleWithoutAReadablePeerCountsForNothing) {
  World w = OnePod();
  std::vector<PolicyRule> rules;
  for (unsigned i = 1; i <= 300; ++i) {
    rules.push_back(RuleAt({RangeOf(Protocol::kTcp, i, 60000 - i)}));
    rules.back().peers.clear();
  }
  rules.push_back(RuleAt({RangeOf(Protocol::kTcp, 7, 7)}));
  w.Ingress("shop/p", {}, rules);
  EXPECT_EQ(Both(w), "within");
}

TEST(Budgets, BothCountAlike) {
  SCOPED_TRACE(unit::SeedNote());
  std::mt19937_64 random(unit::Seed());
  const auto pick = [&](std::uint64_t n) { return static_cast<unsigned>(random() % n); };
  int over = 0;
  int within = 0;
  for (int round = 0; round < 24; ++round) {
    World w = OnePod({{"p", Protocol::kTcp, 80}, {"p", Protocol::kTcp, 8080}});
    std::vector<PolicyRule> rules;
    const unsigned count = 120 + pick(240);
    for (unsigned i = 0; i < count; ++i) {
      std::vector<PolicyPort> ports;
      for (unsigned n = 1 + pick(3); n > 0; --n) {
        const Protocol protocol = pick(3) == 0 ? Protocol::kUdp : Protocol::kTcp;
        const unsigned first = 1 + pick(30000);
        ports.push_back(RangeOf(protocol, first, first + pick(30000)));
      }
      if (pick(8) == 0) ports.push_back(PolicyPort{});
      if (pick(8) == 0) {
        PolicyPort named;
        named.name = "p";
        ports.push_back(named);
      }
      rules.push_back(RuleAt(ports));
      if (pick(12) == 0) rules.back().any_port = true;
      if (pick(12) == 0) rules.back().peers.clear();
    }
    w.Ingress("shop/p", {}, rules);
    const std::string said = Both(w);
    EXPECT_NE(said, "") << "round " << round;
    over += said == "over" ? 1 : 0;
    within += said == "within" ? 1 : 0;
  }
  EXPECT_GT(over, 3);
  EXPECT_GT(within, 3);
}

}  // namespace
}  // namespace podgate::compiler
