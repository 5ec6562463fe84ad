// Whose links are, and from what their packets may come: over a node that the test plays.
#include "controller/node/link_owners.h"

#include <gtest/gtest.h>

#include <string>

namespace podgate::controller {
namespace {

using ipset::Address;

constexpr int kBridge = 2;

compiler::MacAddress Mac(int number) {
  return {0x02, 0, 0, 0, 0, static_cast<std::uint8_t>(number)};
}

struct Node {
  std::vector<NodeLink> links{{kBridge, "cni0", "bridge", 0, -1}};
  std::map<int, HeldAddresses> held;           // by the kernel's number of the namespace
  std::map<int, std::vector<NodeLink>> there;  // likewise
  LocalPods pods;
  FurtherAddresses further;
  NamespaceOwners namespaces;
  LinkOwners owners;
  int asked = 0;
  NodeSpaces spaces;

  void Pod(const std::string& name, const std::string& address) {
    pods.push_back({{"d", name}, "uid-" + name, {*Address::Parse(address)}});
  }
  // The node's link has the index 100 + number, and the pod's end, which is eth0, 3.
  void Space(int number, const std::vector<std::string>& addresses, int master = kBridge) {
    NodeLink link{100 + number, "veth" + std::to_string(number), "veth", master, number};
    link.peer = 3;
    links.push_back(link);
    NodeLink end{3, "eth0", "veth", 0, 0};
    end.peer = link.index;
    end.mac = Mac(number);
    there[number] = {{1, "lo", "", 0, -1}, end};
    for (const std::string& address : addresses) Hold(number, address);
  }
  void Hold(int number, const std::string& text) {
    const Address address = *Address::Parse(text);
    held[number].addresses.push_back(address);
    held[number].on_links.push_back({3, address, 24});
  }
  std::vector<compiler::LinkOwner> Look() {
    spaces = GroupLinks(links);
    for (PodNamespace& space : spaces.namespaces) space.held = held[space.netns];
    const auto way_to = [](const Address&) { return Way{Way::Kind::kDevice, kBridge, false, 24}; };
    return owners.Find(spaces, namespaces.Find(spaces.namespaces, pods, way_to), pods, further,
                       [this](int number) {
                         ++asked;
                         return there[number];
                       });
  }
};

std::string Text(const compiler::LinkOwner& owner) {
  std::string text = owner.device + " " + owner.pod.ToString();
  for (const Address& address : owner.addresses) text += " " + address.ToString();
  return text;
}

TEST(LinkOwners, AreAskedOnce) {
  Node node;
  node.Pod("web", "10.1.0.5");
  node.Space(7, {"10.1.0.5"});
  auto found = node.Look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(Text(found[0]), "veth7 d/web 10.1.0.5 fe80::ff:fe00:7");
  EXPECT_EQ(found[0].mac, Mac(7));
  EXPECT_EQ(found[0].uid, "uid-web");
  // Whoever is root there changes it later.
  node.there[7][1].mac = Mac(9);
  node.Hold(7, "10.1.0.6");
  EXPECT_EQ(node.Look(), found);
  EXPECT_EQ(node.asked, 1);
  // Of the next link with that name nothing is known.
  node.links.pop_back();
  EXPECT_TRUE(node.Look().empty());
  node.Space(7, {"10.1.0.5"});
  node.there[7][1].mac = Mac(9);
  found = node.Look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].mac, Mac(9));
}

TEST(LinkOwners, AreNotKnownOfALinkWithoutThePodsAddress) {
  Node node;
  node.Pod("web", "10.1.0.5");
  node.Space(7, {"10.1.0.5"});
  node.held[7].on_links[0].link = 4;  // another interface of the pod has it
  EXPECT_TRUE(node.Look().empty());
}

TEST(LinkOwners, AreNotKnownUnlessBothEndsSaySo) {
  Node node;
  node.Pod("web", "10.1.0.5");
  node.Space(7, {"10.1.0.5"});
  node.there[7][1].peer = 108;
  EXPECT_TRUE(node.Look().empty());
  node.there[7].clear();  // the kernel does not tell
  EXPECT_TRUE(node.Look().empty());
}

TEST(LinkOwners, OfANamespaceThatMayBeSeveralPodsAreNotKnown) {
  Node node;
  node.Pod("web", "10.1.0.5");
  node.Pod("liar", "10.1.0.5");
  node.Space(7, {"10.1.0.5"});
  EXPECT_TRUE(node.Look().empty());
}

TEST(LinkOwners, ACopiedMacAddressMayNotBeUsed) {
  for (const bool later : {true, false}) {
    Node node;
    node.Pod("web", "10.1.0.5");
    node.Space(7, {"10.1.0.5"});
    if (later) node.Look();
    node.Pod("copy", "10.1.0.6");
    node.Space(8, {"10.1.0.6"});
    node.there[8][1].mac = Mac(7);
    for (int look = 0; look < 2; ++look) {
      const auto found = node.Look();
      ASSERT_EQ(found.size(), 2U);
      EXPECT_EQ(Text(found[0]), "veth7 d/web 10.1.0.5 fe80::ff:fe00:7");
      EXPECT_EQ(Text(found[1]), "veth8 d/copy");
    }
  }
}

TEST(LinkOwners, TakeLinkLocalAddressesWhenTheyComeAndOnlyThen) {
  Node node;
  node.Pod("web", "10.1.0.5");
  node.Space(7, {"10.1.0.5"});
  node.Look();
  node.Hold(7, "fe80::1234");  // duplicate address detection has ended
  EXPECT_EQ(Text(node.Look().at(0)), "veth7 d/web 10.1.0.5 fe80::1234 fe80::ff:fe00:7");
  node.Hold(7, "fe80::5678");
  EXPECT_EQ(Text(node.Look().at(0)), "veth7 d/web 10.1.0.5 fe80::1234 fe80::ff:fe00:7");
  // Another pod's stay the other's.
  node.Pod("copy", "10.1.0.6");
  node.Space(8, {"10.1.0.6", "fe80::1234", "fe80::ff:fe00:7"});
  EXPECT_EQ(Text(node.Look().at(1)), "veth8 d/copy 10.1.0.6 fe80::ff:fe00:8");
}

TEST(LinkOwners, HaveThePodsFurtherAddresses) {
  Node node;
  node.Pod("web", "10.1.0.5");
  node.Space(7, {"10.1.0.5"});
  node.further.pods = {{{"d", "web"}, "uid-web", {*Address::Parse("2001:db8::5")}}};
  EXPECT_EQ(Text(node.Look().at(0)), "veth7 d/web 10.1.0.5 2001:db8::5 fe80::ff:fe00:7");
  node.further.pods.front().uid = "of another pod with that name";
  EXPECT_EQ(Text(node.Look().at(0)), "veth7 d/web 10.1.0.5 fe80::ff:fe00:7");
}

TEST(LinkOwners, LinkLocalAddressesOnABridgeAreFurtherAddresses) {
  Node node;
  node.Pod("web", "10.1.0.5");
  node.Space(7, {"10.1.0.5"});
  node.Pod("routed", "10.1.0.6");
  node.Space(8, {"10.1.0.6"}, 0);
  const auto found = node.Look();
  ASSERT_EQ(found.size(), 2U);
  AddLinkLocal(node.spaces, found, &node.further);
  ASSERT_EQ(node.further.pods.size(), 1U);
  EXPECT_EQ(node.further.pods[0].key.name, "web");
  EXPECT_EQ(node.further.pods[0].uid, "uid-web");
  EXPECT_EQ(node.further.pods[0].taken, (std::vector{*Address::Parse("fe80::ff:fe00:7")}));
  EXPECT_TRUE(node.further.bridges.contains({kBridge, ipset::Family::kIPv6}));
}

TEST(LinkOwners, TheBroadcastAddressesOfThePodsBridges) {
  Node node;
  node.Pod("web", "10.1.0.5");
  node.Space(7, {"10.1.0.5"});
  node.Look();
  HeldAddresses own;
  own.on_links = {{kBridge, *Address::Parse("10.1.0.1"), 24},
                  {kBridge, *Address::Parse("fd00::1"), 64},
                  {kBridge, *Address::Parse("10.9.0.1"), 31},
                  {1, *Address::Parse("192.168.0.1"), 24}};
  EXPECT_EQ(BroadcastOf(node.spaces, own), (std::vector{*ipset::Prefix::Parse("10.1.0.0/32"),
                                                        *ipset::Prefix::Parse("10.1.0.255/32")}));
}

}  // namespace
}  // namespace podgate::controller
