// Whose a network namespace is, and which of its addresses count: over links and addresses that the
// test makes up, as hostile as a pod can make them.
#include "controller/node/pod_namespaces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "controller/node/further_addresses.h"

namespace podgate::controller {
namespace {

using ipset::Address;
using Strings = std::vector<std::string>;

constexpr int kBridge = 2;
constexpr int kOtherBridge = 3;

NodeLink Veth(int index, int netns, int master = kBridge) {
  return {index, "veth" + std::to_string(index), "veth", master, netns};
}

// 10.1.0.0/24 and fd00:1::/64 are on the bridge, 10.3.0.0/24 on the other one; the rest by the
// default route, which IPv6 does not have.
struct Node {
  std::vector<NodeLink> links{{1, "eth0", "", 0, -1}, {kBridge, "cni0", "bridge", 0, -1}};
  std::map<int, Strings> held;  // by the kernel's number of the namespace
  std::map<std::string, Way> ways;
  std::size_t asked = 0;
  LocalPods pods;
  NamespaceOwners owners;
  NamespaceOwners::Owners found;
  FurtherAddresses further;

  void Pod(const std::string& name, const Strings& addresses, const std::string& uid = "u") {
    compiler::Pipeline::LocalPod pod{{"d", name}, uid, {}};
    for (const std::string& address : addresses) pod.addresses.push_back(*Address::Parse(address));
    std::sort(pod.addresses.begin(), pod.addresses.end());
    pods.push_back(std::move(pod));
  }
  // A namespace behind a port of the bridge, or behind a link with routes.
  void Space(int netns, const Strings& addresses, int master = kBridge) {
    links.push_back(Veth(100 + netns, netns, master));
    held[netns] = addresses;
  }
  Way WayTo(const Address& address) {
    ++asked;
    const std::string text = address.ToString();
    if (const auto way = ways.find(text); way != ways.end()) return way->second;
    if (text.starts_with("10.1.0.") || text.starts_with("fd00:1:"))
      return {Way::Kind::kDevice, kBridge, false, 24};
    if (text.starts_with("10.3.0.")) return {Way::Kind::kDevice, kOtherBridge, false, 24};
    if (address.family() == ipset::Family::kIPv6) return {Way::Kind::kNowhere};
    return {Way::Kind::kDevice, 1, true, 0};
  }
  void Look() {
    NodeSpaces spaces = GroupLinks(links);
    for (PodNamespace& space : spaces.namespaces) {
      for (const std::string& text : held[space.netns])
        space.held.addresses.push_back(*Address::Parse(text));
      std::sort(space.held.addresses.begin(), space.held.addresses.end());
    }
    const auto way_to = [this](const Address& address) { return WayTo(address); };
    found = owners.Find(spaces.namespaces, pods, way_to);
    further = FindFurther(spaces, found, pods, way_to);
  }
  // "NAME: ADDRESS …", of those that are covered.
  Strings Taken() const {
    Strings texts;
    for (const auto& pod : further.pods) {
      if (pod.taken.empty()) continue;
      std::string text = pod.key.name + ":";
      for (const Address& address : pod.taken) text.append(" ").append(address.ToString());
      texts.push_back(text);
    }
    return texts;
  }
  Strings Uncovered(const std::string& name) const {
    Strings texts;
    for (const auto& pod : further.pods)
      if (pod.key.name == name)
        for (const Address& address : pod.uncovered) texts.push_back(address.ToString());
    return texts;
  }
  Strings Homeless() const {
    Strings names;
    for (const auto& pod : further.without_namespace) names.push_back(pod.name);
    return names;
  }
};

TEST(PodNamespaces, GroupedByTheirNumbers) {
  const NodeSpaces spaces = GroupLinks({{1, "eth0", "", 0, -1},
                                        {2, "cni0", "bridge", 0, -1},
                                        {3, "br-lan", "bridge", 0, -1},
                                        Veth(10, 5),
                                        Veth(11, 4, 0),
                                        Veth(12, 5, 3),
                                        {13, "eth1", "", 3, -1},
                                        {14, "dummy0", "dummy", 2, -1},
                                        {15, "vxlan", "vxlan", 0, 6},
                                        {20, "red", "vrf", 0, -1},
                                        Veth(21, 7, 20),
                                        Veth(22, 7, 2),
                                        {23, "eth2", "", 20, -1}});
  ASSERT_EQ(spaces.namespaces.size(), 3U);
  EXPECT_EQ(spaces.namespaces[0].netns, 4);
  EXPECT_TRUE(spaces.namespaces[0].bridges.empty());
  EXPECT_EQ(spaces.namespaces[1].links, (std::set<int>{10, 12}));
  EXPECT_EQ(spaces.namespaces[1].bridges, (std::set<int>{2, 3}));
  EXPECT_FALSE(spaces.namespaces[1].other_master);
  EXPECT_EQ(spaces.namespaces[2].bridges, (std::set<int>{2}));
  EXPECT_TRUE(spaces.namespaces[2].other_master);
  EXPECT_EQ(spaces.shared_bridges, (std::set<int>{3}));
}

TEST(PodNamespaces, APodHasAllAddressesOfItsNamespace) {
  Node node;
  node.links.push_back({kOtherBridge, "cni1", "bridge", 0, -1});
  node.links.push_back(Veth(50, 1, kOtherBridge));
  node.Pod("a", {"10.1.0.1"});
  node.Pod("b", {"10.1.0.2", "fd00:1::2"});
  node.Space(1, {"127.0.0.1", "::1", "10.1.0.1", "10.1.0.9", "10.3.0.9", "fd00:1::9", "fe80::1"});
  node.Space(2, {"10.1.0.2", "fd00:1::2", "fe80::2"});
  node.Space(3, {"10.1.0.7"});  // of nobody that the API knows
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: 10.1.0.9 10.3.0.9 fd00:1::9"}));
  EXPECT_TRUE(node.Homeless().empty());
  EXPECT_TRUE(node.further.bridges.contains({kBridge, ipset::Family::kIPv6}));
  // One that is gone is gone.
  node.held[1] = {"10.1.0.1"};
  node.Look();
  EXPECT_TRUE(node.Taken().empty());
}

// What nobody else can be meant by: the way there is the pod's, or there is none.
TEST(PodNamespaces, OnlyAddressesThatLeadToThePod) {
  Node node;
  node.ways["192.0.2.77"] = {Way::Kind::kNode};
  node.ways["10.9.0.1"] = {Way::Kind::kDevice, 101, true, 24};      // behind the pod's own link
  node.ways["10.9.0.2"] = {Way::Kind::kDevice, 102, false, 32};     // a neighbour's link
  node.ways["10.9.0.3"] = {Way::Kind::kDevice, 0, false, 24};       // several
  node.ways["10.9.0.4"] = {Way::Kind::kDevice, kBridge, true, 24};  // behind somebody on the bridge
  node.Pod("a", {"10.1.0.1"});
  node.Pod("b", {"10.1.0.2"});
  node.Space(1, {"10.1.0.1", "192.0.2.77", "10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.4",
                 "198.51.100.7", "10.96.0.10", "fd77::1"});
  node.Space(2, {"10.1.0.2"});
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: 10.9.0.1 fd77::1"}));
  EXPECT_EQ(node.Uncovered("a"), (Strings{"10.9.0.2", "10.9.0.3", "10.9.0.4", "10.96.0.10",
                                          "192.0.2.77", "198.51.100.7"}));
}

// Hosts of another machine may be meant there.
TEST(PodNamespaces, NotOnABridgeThatLeadsOutOfTheNode) {
  Node node;
  node.links[0].master = kBridge;
  node.Pod("a", {"10.1.0.1"});
  node.Space(1, {"10.1.0.1", "10.1.0.254", "fd77::1"});
  node.Look();
  EXPECT_TRUE(node.Taken().empty());
  EXPECT_EQ(node.Uncovered("a"), (Strings{"10.1.0.254", "fd77::1"}));
}

// Only the main routes are asked: whom an address means in a VRF or on another switch they do not
// tell.
TEST(PodNamespaces, NothingWithoutARouteWhereTheMasterIsNoBridge) {
  for (const char* kind : {"vrf", "openvswitch", "bond", "team"}) {
    Node node;
    node.links[1].kind = kind;
    node.ways["10.9.0.1"] = {Way::Kind::kDevice, 101, false, 32};  // the pod's own link
    node.Pod("a", {"10.1.0.1"});
    node.Space(1, {"10.1.0.1", "10.1.0.9", "10.9.0.1", "fd77::1"});
    node.Look();
    EXPECT_EQ(node.Taken(), (Strings{"a: 10.9.0.1"})) << kind;
    EXPECT_EQ(node.Uncovered("a"), (Strings{"10.1.0.9", "fd77::1"})) << kind;
    EXPECT_TRUE(node.further.bridges.empty()) << kind;
  }
}

// With routes of its own and no bridge: an address that the node has no way to comes from there.
TEST(PodNamespaces, ARoutedPodHasWhatLeadsNowhere) {
  Node node;
  node.ways["10.1.0.1"] = {Way::Kind::kDevice, 101, false, 32};
  node.Pod("a", {"10.1.0.1"});
  node.Space(1, {"10.1.0.1", "10.1.0.9", "198.51.100.7", "fd77::1"}, 0);
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: fd77::1"}));
  EXPECT_EQ(node.Uncovered("a"), (Strings{"10.1.0.9", "198.51.100.7"}));
}

// What a local pod's status tells is that pod's, whoever has it as well.
TEST(PodNamespaces, TakesNoAddressThatAStatusTells) {
  Node node;
  node.Pod("a", {"10.1.0.1"});
  node.Pod("victim", {"10.1.0.2"});
  node.Space(1, {"10.1.0.1", "10.1.0.2", "10.1.0.8"});
  node.Space(2, {"10.1.0.2", "10.1.0.9"});
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: 10.1.0.8", "victim: 10.1.0.9"}));
}

// Once found a namespace stays its pod's, whatever the pod does to its addresses.
TEST(PodNamespaces, APodCannotSlipIntoAnothersPlace) {
  Node node;
  node.Pod("a", {"10.1.0.1"});
  node.Pod("victim", {"10.1.0.2"});
  node.Space(1, {"10.1.0.1"});
  node.Space(2, {"10.1.0.2"});
  node.Look();
  node.held[1] = {"10.1.0.2", "10.1.0.8"};
  node.held[2] = {"10.1.0.9"};
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: 10.1.0.8", "victim: 10.1.0.9"}));
  // A pod of the same name is another one.
  node.pods[0].uid = "v";
  node.pods[0].addresses = {*Address::Parse("10.1.0.5")};
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: 10.1.0.8", "victim: 10.1.0.9"}));
  EXPECT_EQ(node.Homeless(), (Strings{"a"}));
}

// An agent that starts while a pod plays another one: what may be either's counts for both, so that
// it is isolated if either is, and allowed only what both may.
TEST(PodNamespaces, WhatMayBeEithersIsBoths) {
  Node node;
  node.Pod("a", {"10.1.0.1"});
  node.Pod("victim", {"10.1.0.2"});
  node.Pod("other", {"10.1.0.3"});
  node.Space(1, {"10.1.0.2", "10.1.0.8"});
  node.Space(2, {"10.1.0.2", "10.1.0.9"});
  node.Space(3, {"10.1.0.3", "10.1.0.7"});
  node.Look();
  EXPECT_EQ(node.Taken(),
            (Strings{"a: 10.1.0.8 10.1.0.9", "other: 10.1.0.7", "victim: 10.1.0.8 10.1.0.9"}));
  // When a namespace turns out to be somebody's, the other one is the victim's.
  node.held[1].push_back("10.1.0.1");
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: 10.1.0.8", "other: 10.1.0.7", "victim: 10.1.0.9"}));
}

// Two pods whose statuses tell one address, of which one has long ended.
TEST(PodNamespaces, AnAddressOfTwoStatuses) {
  Node node;
  node.Pod("old", {"10.1.0.1"});
  node.Pod("new", {"10.1.0.1"});
  node.Space(1, {"10.1.0.1", "10.1.0.9"});
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"new: 10.1.0.9", "old: 10.1.0.9"}));
  node.pods.erase(node.pods.begin());
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"new: 10.1.0.9"}));
}

// Of two pods that hold an address which no status tells, each may be meant.
TEST(PodNamespaces, AFurtherAddressOfTwoPods) {
  Node node;
  node.Pod("a", {"10.1.0.1"});
  node.Pod("b", {"10.1.0.2"});
  node.Space(1, {"10.1.0.1", "10.1.0.9"});
  node.Space(2, {"10.1.0.2", "10.1.0.9"});
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: 10.1.0.9", "b: 10.1.0.9"}));
}

// Routes are the node's: they tell more than what a namespace holds.
TEST(PodNamespaces, ARouteProvesIt) {
  Node node;
  node.ways["10.2.0.1"] = {Way::Kind::kDevice, 101, false, 32};
  node.ways["10.2.0.2"] = {Way::Kind::kDevice, 102, false, 32};
  node.ways["10.2.0.9"] = {Way::Kind::kDevice, 102, false, 32};
  node.Pod("a", {"10.2.0.1"});
  node.Pod("victim", {"10.2.0.2"});
  node.Space(1, {"10.2.0.2", "10.2.0.9", "fd77::1"}, 0);  // plays the victim, and hides its own
  node.Space(2, {"10.2.0.2", "10.2.0.9"}, 0);
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: fd77::1", "victim: 10.2.0.9"}));
  EXPECT_EQ(node.Homeless(), (Strings{"a"}));
}

// An owner stays, so none is found while a route is unknown: it may prove another one.
TEST(PodNamespaces, AnUnknownRouteProvesNothing) {
  Node node;
  node.ways["10.2.0.1"] = node.ways["10.2.0.2"] = {Way::Kind::kUnknown};
  node.ways["10.2.0.9"] = {Way::Kind::kDevice, 101, false, 32};
  node.Pod("a", {"10.2.0.1"});
  node.Pod("victim", {"10.2.0.2"});
  node.Space(1, {"10.2.0.2", "10.2.0.9"}, 0);  // a's, which plays the victim
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: 10.2.0.9", "victim: 10.2.0.9"}));
  EXPECT_EQ(node.Homeless(), (Strings{"a", "victim"}));
  node.ways["10.2.0.2"] = {Way::Kind::kDevice, 102, false, 32};
  node.Space(2, {"10.2.0.2"}, 0);
  node.Look();
  EXPECT_EQ(node.Taken(), (Strings{"a: 10.2.0.9"}));
  EXPECT_EQ(node.Homeless(), (Strings{"a"}));
}

TEST(PodNamespaces, SomeOfManyAddresses) {
  Node node;
  node.Pod("a", {"10.1.0.1"});
  Strings addresses{"10.1.0.1"};
  for (int i = 100; i < 200; ++i) addresses.push_back("10.1.0." + std::to_string(i));
  node.Space(1, addresses);
  node.Look();
  ASSERT_EQ(node.further.pods.size(), 1U);
  EXPECT_EQ(node.further.pods[0].taken.size(), FurtherAddresses::kMaxTaken);
  EXPECT_EQ(node.further.pods[0].uncovered.size(),
            FurtherAddresses::kMaxAsked - FurtherAddresses::kMaxTaken);
  EXPECT_TRUE(node.further.pods[0].more);
  EXPECT_LE(node.asked, FurtherAddresses::kMaxAsked + 1);
}

}  // namespace
}  // namespace podgate::controller
