// What is looked at when, what is switched on, what is said and reported: over a node that the test
// plays.
#include "controller/node/bridge_guard.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "unit/controller/base/fake_clock.h"
#include "unit/support/await.h"

namespace podgate::controller {
namespace {

using ipset::Address;
using ipset::Family;
using State = BridgeFilter::State;

class FakeLinks : public NodeLinks {
 public:
  Route RouteTo(const Address& address) override {
    ++asked;
    const auto found = routes.find(address.ToString());
    if (found == routes.end()) return {Route::Kind::kNone, 0, false, 0, "no route"};
    const bool own = found->second == 2;
    return {
        Route::Kind::kDevice, found->second, false, own ? ipset::BitsOf(address.family()) : 24, {}};
  }
  nft::Result<Link> LinkOf(int index) override {
    ++asked_links;
    const auto found = links.find(index);
    if (found == links.end()) return nft::Status(nft::Status::Code::kOther, "no such device");
    return found->second;
  }
  BridgeFilter Filter(Family family) override {
    ++read;
    return filter[family];
  }
  nft::Status TurnFilterOn(int bridge, Family family) override {
    ++set;
    if (!refusal.empty()) return {nft::Status::Code::kOther, refusal};
    Switch(bridge, family) = !stays_off;
    return {};
  }
  bool& Switch(int bridge, Family family) {
    Link& link = links.at(bridge);
    return family == Family::kIPv4 ? link.call_iptables : link.call_ip6tables;
  }

  std::map<std::string, int> routes;
  std::map<int, Link> links{{1, {"cni0", "bridge", false, false}},
                            {2, {"veth1", "veth", false, false}},
                            {3, {"eth0", "", false, false}},
                            {4, {"virbr0", "bridge", false, false}},
                            {5, {"cni1", "bridge", false, false}}};
  std::map<Family, BridgeFilter> filter{{Family::kIPv4, {State::kOff, {}}},
                                        {Family::kIPv6, {State::kOff, {}}}};
  std::string refusal;
  bool stays_off = false;
  int asked = 0;
  int asked_links = 0;
  int read = 0;
  int set = 0;
};

struct World {
  explicit World(bool may_set = true) : guard(may_set, &links, &clock, &log) {}

  void Pods(const std::vector<std::pair<std::string, std::string>>& pods) {
    BridgeGuard::Pods all;
    for (const auto& [name, address] : pods) {
      if (all.empty() || all.back().key.name != name) all.push_back({{"d", name}, name + uid, {}});
      all.back().addresses.push_back(*Address::Parse(address));
    }
    guard.SetPods(std::move(all));
    next = guard.Look();
  }
  // As Run() does it, for that long.
  void Pass(Clock::Duration duration) {
    const Clock::Time end = clock.Now() + duration;
    while (next <= end) {
      clock.Advance(std::max<Clock::Duration>(next - clock.Now(), {}));
      next = guard.Look();
    }
    clock.Advance(end - clock.Now());
  }
  std::string Problems() const {
    std::string all;
    for (const std::string& problem : guard.report().problems) all += problem + "\n";
    return all + guard.report().note;
  }
  std::size_t Logged(const std::string& text) const {
    std::size_t count = 0;
    for (auto at = logged.find(text); at != std::string::npos; at = logged.find(text, at + 1))
      ++count;
    return count;
  }

  FakeLinks links;
  FakeClock clock;
  std::string uid = "-uid";  // the end of each pod's
  std::string logged;
  Logger log{Logger::Format::kText, LogLevel::kDebug,
             [this](std::string_view line) { logged += line; }};
  BridgeGuard guard;
  Clock::Time next = Clock::Time::max();
};

TEST(BridgeGuard, KnowsNothingBeforeItLooked) {
  World world;
  EXPECT_EQ(world.guard.Look(), Clock::Time::max());
  EXPECT_FALSE(world.guard.report().looked);
  world.Pods({});
  EXPECT_TRUE(world.guard.report().looked);
  EXPECT_EQ(world.Problems(), "");
  EXPECT_EQ(world.links.read, 0);
}

TEST(BridgeGuard, RoutedPodsNeedNothing) {
  World world;
  world.links.routes = {{"10.0.0.1", 2}, {"fd00::1", 2}};
  world.Pods({{"web", "10.0.0.1"}, {"web", "fd00::1"}});
  world.Pass(std::chrono::minutes(5));
  EXPECT_EQ(world.Problems(), "");
  EXPECT_EQ(world.links.read, 0);
  EXPECT_EQ(world.links.set, 0);
  EXPECT_LE(world.links.asked, 2 * 6);
}

TEST(BridgeGuard, TurnsOnTheSwitchOfTheBridgeWherePodsAre) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}};
  world.Pods({{"web", "10.0.0.1"}});
  EXPECT_TRUE(world.links.Switch(1, Family::kIPv4));
  EXPECT_FALSE(world.links.Switch(1, Family::kIPv6));  // nobody needs it
  EXPECT_EQ(world.Problems(), "");
  EXPECT_EQ(world.Logged("bridge filtering enabled"), 1U);
  EXPECT_EQ(world.Logged("bridge=cni0 family=IPv4"), 1U) << world.logged;
  world.links.routes["fd00::1"] = 1;
  world.Pods({{"web", "10.0.0.1"}, {"web", "fd00::1"}});
  EXPECT_TRUE(world.links.Switch(1, Family::kIPv6));
  EXPECT_EQ(world.Logged("bridge=cni0 family=IPv6"), 1U) << world.logged;
  world.Pass(std::chrono::minutes(5));
  EXPECT_EQ(world.links.set, 2);
  EXPECT_EQ(world.Logged("bridge filtering"), 2U);
}

// A family that no status tells an address of, and that pods speak on the bridge all the same.
TEST(BridgeGuard, TurnsItOnForAFamilyOfFurtherAddresses) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}};
  world.Pods({{"web", "10.0.0.1"}});
  EXPECT_FALSE(world.links.Switch(1, Family::kIPv6));
  world.guard.SetFurtherUse({{1, Family::kIPv6}, {4711, Family::kIPv6}});
  world.next = world.guard.Look();
  EXPECT_TRUE(world.links.Switch(1, Family::kIPv6));
  EXPECT_FALSE(world.links.Switch(4, Family::kIPv6));
  EXPECT_EQ(world.Problems(), "");  // the other bridge has gone
  world.guard.SetFurtherUse({});
  world.links.Switch(1, Family::kIPv6) = false;
  world.Pass(std::chrono::minutes(1));
  EXPECT_FALSE(world.links.Switch(1, Family::kIPv6));  // no longer needed, and so not kept on
}

// Who is root in a pod can give it an address of any family, and must not stop the update of all
// agents by that.
TEST(BridgeGuard, FurtherAddressesAreNoProblemOfTheAgents) {
  World world(false);
  world.links.routes = {{"10.0.0.1", 1}};
  world.links.Switch(1, Family::kIPv4) = true;
  world.Pods({{"web", "10.0.0.1"}});
  for (int times = 0; times < 3; ++times) {  // as often as it likes
    world.guard.SetFurtherUse({{1, Family::kIPv6}});
    world.next = world.guard.Look();
    EXPECT_TRUE(world.guard.report().problems.empty());
    EXPECT_EQ(
        world.guard.report().note,
        "IPv6 packets between addresses that no pod's status lists on bridge cni0 bypass "
        "the rules: nf_call_ip6tables of the bridge is 0, net.bridge.bridge-nf-call-ip6tables "
        "is 0, and the agent does not turn it on (--bridge-filter=check or --dry-run); run "
        "`ip link set cni0 type bridge nf_call_ip6tables 1` on this node");
    world.guard.SetFurtherUse({});
    world.next = world.guard.Look();
    EXPECT_EQ(world.Problems(), "");
  }
  EXPECT_EQ(world.Logged("bypass the rules"), 1U);
  EXPECT_EQ(world.Logged("filtered again"), 0U);
  // Also where the switch is refused, and where the module or the sysctl is missing.
  World refused;
  refused.links.routes = world.links.routes;
  refused.links.Switch(1, Family::kIPv4) = true;
  refused.links.refusal = "CAP_NET_ADMIN is missing";
  refused.Pods({{"web", "10.0.0.1"}});
  refused.guard.SetFurtherUse({{1, Family::kIPv6}});
  for (const State state : {State::kOff, State::kMissing, State::kUnreadable}) {
    refused.links.filter[Family::kIPv6].state = state;
    refused.next = refused.guard.Look();
    EXPECT_TRUE(refused.guard.report().problems.empty());
    EXPECT_TRUE(refused.guard.report().note.starts_with("IPv6 packets between addresses that no"));
  }
  // Once a status tells an address of the family it is.
  refused.links.routes["fd00::1"] = 1;
  refused.Pods({{"web", "10.0.0.1"}, {"web", "fd00::1"}});
  EXPECT_EQ(refused.guard.report().problems.size(), 1U);
  EXPECT_EQ(refused.guard.report().note, "");
}

// What is for all bridges, and the bridges without pods, are somebody else's.
TEST(BridgeGuard, LeavesAllElseAlone) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}, {"10.0.0.2", 2}};
  world.Pods({{"a", "10.0.0.1"}, {"b", "10.0.0.2"}});
  world.Pass(std::chrono::minutes(2));
  EXPECT_FALSE(world.links.Switch(4, Family::kIPv4));
  EXPECT_FALSE(world.links.Switch(4, Family::kIPv6));
  EXPECT_EQ(world.links.filter[Family::kIPv4].state, State::kOff);
}

TEST(BridgeGuard, TurnsItOnAgainSoon) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}};
  world.Pods({{"web", "10.0.0.1"}});
  for (std::size_t times = 1; times <= 3; ++times) {
    world.links.Switch(1, Family::kIPv4) = false;
    world.Pass(std::chrono::milliseconds(500));
    EXPECT_TRUE(world.links.Switch(1, Family::kIPv4));
    EXPECT_EQ(world.Logged("bridge filtering was disabled, re-enabled"), times);
  }
  EXPECT_EQ(world.Logged("bridge filtering enabled"), 1U);
  EXPECT_EQ(world.Logged("bridge=cni0 family=IPv4"), 4U) << world.logged;
  EXPECT_EQ(world.Problems(), "");
}

// So that no packet bypasses the rules when somebody turns the sysctl off.
TEST(BridgeGuard, TurnsItOnBesideTheSysctl) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}};
  world.links.filter[Family::kIPv4].state = State::kOn;
  world.Pods({{"web", "10.0.0.1"}});
  EXPECT_TRUE(world.links.Switch(1, Family::kIPv4));
  // If that fails nothing bypasses the rules all the same.
  world.links.Switch(1, Family::kIPv4) = false;
  world.links.refusal = "CAP_NET_ADMIN is missing";
  world.Pass(std::chrono::seconds(1));
  EXPECT_EQ(world.Problems(), "");
  EXPECT_EQ(world.guard.report().unpoliced_pods, 0U);
}

TEST(BridgeGuard, ABridgeMadeAnewIsTurnedOnToo) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}};
  world.Pods({{"web", "10.0.0.1"}});
  world.links.links.erase(1);
  world.links.links[9] = {"cni0", "bridge", false, false};
  world.links.routes = {{"10.0.0.1", 9}};
  world.Pass(std::chrono::milliseconds(500));
  EXPECT_TRUE(world.links.Switch(9, Family::kIPv4));
  EXPECT_EQ(world.Problems(), "");
}

TEST(BridgeGuard, SaysWhatToDoWhenItCannot) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}, {"10.0.0.2", 1}, {"10.0.0.3", 2}};
  world.links.refusal = "CAP_NET_ADMIN is missing";
  world.Pods({{"a", "10.0.0.1"}, {"b", "10.0.0.2"}, {"c", "10.0.0.3"}});
  const std::string problem = world.Problems();
  EXPECT_EQ(problem,
            "IPv4 packets between pods on bridge cni0 bypass the rules: nf_call_iptables of the "
            "bridge is 0, net.bridge.bridge-nf-call-iptables is 0, and the agent cannot turn it on "
            "(CAP_NET_ADMIN is missing); run `ip link set cni0 type bridge nf_call_iptables 1` on "
            "this node\n");
  EXPECT_EQ(world.guard.report().unpoliced_pods, 2U);
  world.Pass(std::chrono::minutes(9));
  EXPECT_EQ(world.Logged("bypass the rules"), 1U);
  world.Pass(std::chrono::minutes(2));
  EXPECT_EQ(world.Logged("bypass the rules"), 2U);
  // Mended from outside, either way.
  world.links.filter[Family::kIPv4].state = State::kOn;
  world.Pass(std::chrono::seconds(1));
  EXPECT_EQ(world.Problems(), "");
  EXPECT_EQ(world.guard.report().unpoliced_pods, 0U);
  EXPECT_EQ(world.Logged("bridged traffic is filtered again"), 1U);
  world.links.filter[Family::kIPv4].state = State::kOff;
  world.Pass(std::chrono::seconds(1));
  EXPECT_NE(world.Problems(), "");
  world.links.Switch(1, Family::kIPv4) = true;
  world.Pass(std::chrono::seconds(1));
  EXPECT_EQ(world.Problems(), "");
}

TEST(BridgeGuard, NamesTheBypassedBridgesAlone) {
  World world(false);
  world.links.routes = {{"fd00::1", 1}, {"fd00::2", 4}, {"fd00::3", 5}};
  world.links.Switch(1, Family::kIPv6) = true;
  world.Pods({{"a", "fd00::1"}, {"b", "fd00::2"}, {"c", "fd00::3"}});
  const std::string problem = world.Problems();
  EXPECT_EQ(problem.find("cni0"), std::string::npos) << problem;
  EXPECT_NE(problem.find("IPv6 packets between pods on bridge virbr0, cni1 bypass"),
            std::string::npos)
      << problem;
  EXPECT_NE(problem.find("run `ip link set virbr0 type bridge nf_call_ip6tables 1`, "
                         "`ip link set cni1 type bridge nf_call_ip6tables 1` on this node"),
            std::string::npos)
      << problem;
  EXPECT_EQ(world.guard.report().unpoliced_pods, 2U);
}

// A kernel that takes the request and does nothing, and a kernel's word counts, not ours.
TEST(BridgeGuard, BelievesTheBridgeAndNotItsOwnRequest) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}};
  world.links.stays_off = true;
  world.Pods({{"a", "10.0.0.1"}});
  EXPECT_NE(world.Problems().find("the agent cannot turn it on (it stays 0)"), std::string::npos);
  EXPECT_EQ(world.Logged("bridge filtering enabled"), 0U);
}

TEST(BridgeGuard, OnlyChecksWhenToldSo) {
  World world(false);
  world.links.routes = {{"10.0.0.1", 1}};
  world.Pods({{"a", "10.0.0.1"}});
  world.Pass(std::chrono::minutes(2));
  EXPECT_EQ(world.links.set, 0);
  EXPECT_NE(world.Problems().find(
                "the agent does not turn it on (--bridge-filter=check or --dry-run); run `ip link "
                "set cni0 type bridge nf_call_iptables 1`"),
            std::string::npos);
  world.links.Switch(1, Family::kIPv4) = true;
  world.Pass(std::chrono::seconds(1));
  EXPECT_EQ(world.Problems(), "");
  world.links.Switch(1, Family::kIPv4) = false;
  world.Pass(std::chrono::seconds(1));
  EXPECT_NE(world.Problems(), "");
}

TEST(BridgeGuard, WithoutTheModuleABridgesOwnSwitchDoesNotHelp) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}};
  world.links.Switch(1, Family::kIPv4) = true;
  world.links.filter[Family::kIPv4].state = State::kMissing;
  world.Pods({{"a", "10.0.0.1"}});
  EXPECT_NE(world.Problems().find("IPv4 packets between pods on bridge cni0 bypass the rules: "
                                  "br_netfilter is not loaded; run `modprobe br_netfilter`"),
            std::string::npos)
      << world.Problems();
  EXPECT_EQ(world.guard.report().unpoliced_pods, 1U);
  world.links.filter[Family::kIPv4] = {State::kUnreadable, "Permission denied"};
  world.Pass(std::chrono::seconds(1));
  EXPECT_NE(world.Problems().find("cannot read net.bridge.bridge-nf-call-iptables (Permission "
                                  "denied)"),
            std::string::npos)
      << world.Problems();
  EXPECT_EQ(world.guard.report().unpoliced_pods, 1U);
}

TEST(BridgeGuard, PodsElsewhereAreNamedAfterAGrace) {
  World world;
  world.links.routes = {{"10.0.0.1", 3}, {"10.0.0.2", 2}};
  world.Pods({{"mac", "10.0.0.1"}, {"web", "10.0.0.2"}});
  world.Pass(BridgeGuard::kGrace - std::chrono::seconds(2));
  EXPECT_EQ(world.Problems(), "");
  world.Pass(std::chrono::seconds(4));
  EXPECT_NE(
      world.Problems().find("policies cannot be enforced for d/mac (10.0.0.1 is reached through "
                            "eth0 (a physical device)"),
      std::string::npos)
      << world.Problems();
  EXPECT_EQ(world.guard.report().unpoliced_pods, 1U);
  world.Pass(std::chrono::minutes(30));
  EXPECT_EQ(world.Logged("policies cannot be enforced for a pod"), 1U);
  world.links.routes["10.0.0.1"] = 2;
  world.Pass(std::chrono::seconds(2));
  EXPECT_EQ(world.Problems(), "");
  EXPECT_EQ(world.Logged("pod traffic is filtered again"), 1U);
}

// A StatefulSet's pod comes again with its name, and perhaps with its address.
TEST(BridgeGuard, APodOfTheSameNameIsAnotherPod) {
  World world;
  world.links.routes["10.0.0.1"] = 3;
  world.Pods({{"mac", "10.0.0.1"}});
  world.Pass(BridgeGuard::kGrace * 2);
  EXPECT_EQ(world.Logged("policies cannot be enforced for a pod"), 1U);
  world.uid = "-another";
  world.Pods({{"mac", "10.0.0.1"}});
  world.Pass(BridgeGuard::kGrace / 2);
  EXPECT_EQ(world.Logged("policies cannot be enforced for a pod"), 1U);
  world.Pass(BridgeGuard::kGrace * 2);
  EXPECT_EQ(world.Logged("policies cannot be enforced for a pod"), 2U);
}

TEST(BridgeGuard, AStartingPodIsNoAlarm) {
  World world;
  world.Pods({{"web", "10.0.0.1"}});
  world.Pass(BridgeGuard::kGrace / 2);
  world.links.routes["10.0.0.1"] = 2;
  world.Pass(BridgeGuard::kGrace * 2);
  EXPECT_EQ(world.logged, "");
  // One that ends: its route goes first.
  world.links.routes.clear();
  world.Pass(BridgeGuard::kGrace / 2);
  world.Pods({});
  world.Pass(BridgeGuard::kGrace * 2);
  EXPECT_EQ(world.logged, "");
  EXPECT_EQ(world.Problems(), "");
}

TEST(BridgeGuard, ManyPodsAreOneSentence) {
  World world;
  std::vector<std::pair<std::string, std::string>> pods;
  for (int i = 100; i < 200; ++i) {
    pods.emplace_back(fmt::format("p{}", i), fmt::format("10.0.0.{}", i));
    world.links.routes[pods.back().second] = 3;
  }
  world.Pods(pods);
  EXPECT_EQ(world.links.asked_links, 1);
  world.Pass(BridgeGuard::kGrace * 2);
  EXPECT_EQ(world.guard.report().unpoliced_pods, 100U);
  EXPECT_TRUE(world.guard.report().problems.empty());
  EXPECT_NE(world.Problems().find("d/p104 "), std::string::npos);
  EXPECT_NE(world.Problems().find(" and 95 more; attach"), std::string::npos);
  EXPECT_EQ(world.Problems().find("p105"), std::string::npos);
  EXPECT_LE(world.Logged("policies cannot be enforced for a pod"), 20U);
}

TEST(BridgeGuard, AnotherPodCostsALookAtThatPod) {
  World world;
  world.links.routes = {{"10.0.0.1", 1}, {"10.0.0.2", 1}};
  world.Pods({{"a", "10.0.0.1"}});
  world.links.asked = 0;
  world.Pods({{"a", "10.0.0.1"}, {"b", "10.0.0.2"}});
  EXPECT_EQ(world.links.asked, 1);
  world.Pods({{"b", "10.0.0.2"}});
  EXPECT_EQ(world.links.asked, 1);
}

TEST(BridgeGuard, StopsAtOnce) {
  FakeLinks links;
  SystemClock clock;
  Logger log(Logger::Format::kText, LogLevel::kError, [](std::string_view) {});
  BridgeGuard guard(true, &links, &clock, &log);
  std::jthread thread([&guard] { guard.Run(); });
  guard.SetPods({});
  unit::Await([&] { return guard.report().looked; });
  guard.Stop();
}

}  // namespace
}  // namespace podgate::controller
