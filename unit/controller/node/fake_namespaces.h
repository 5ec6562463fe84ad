// A node's links and the namespaces behind them, as a test plays them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/node/namespace_reader.h"

namespace podgate::controller {

// Veths are ports of the bridge with index 2, which leads to 10.0.0.0/16 and fd00::/16.
class FakeNamespaces : public NamespaceReader {
 public:
  // Behind a veth of its own, if it is new.
  void Hold(int netns, const std::vector<std::string>& addresses) {
    if (!held.contains(netns)) links.push_back({100 + netns, "veth", "veth", 2, netns});
    held[netns] = {};
    for (const std::string& text : addresses)
      held[netns].addresses.push_back(*ipset::Address::Parse(text));
  }

  nft::Result<std::vector<NodeLink>> Links() override {
    if (!failure.ok()) return failure;
    return links;
  }
  nft::Result<HeldAddresses> AddressesIn(int netns) override {
    asked += netns == kOwnNetns ? 0 : 1;
    if (refusals.contains(netns)) return refusals.at(netns);
    if (netns == kOwnNetns) return own;
    return held.at(netns);
  }
  nft::Result<std::vector<NodeLink>> LinksIn(int netns) override {
    ++asked_links;
    const auto found = links_in.find(netns);
    return found == links_in.end() ? std::vector<NodeLink>() : found->second;
  }
  Way WayTo(const ipset::Address& address) override {
    const std::string text = address.ToString();
    if (unanswered.contains(text)) return {};
    if (text.starts_with("10.0.") || text.starts_with("fd00:"))
      return {Way::Kind::kDevice, 2, false, 16};
    return {Way::Kind::kDevice, 1, true, 0};
  }
  int event_descriptor() const override { return -1; }
  void DiscardEvents() override { ++discarded; }

  std::vector<NodeLink> links{{1, "eth0", "", 0, -1}, {2, "cni0", "bridge", 0, -1}};
  std::map<int, HeldAddresses> held;
  HeldAddresses own;
  std::map<int, std::vector<NodeLink>> links_in;
  nft::Status failure;
  std::map<int, nft::Status> refusals;
  std::set<std::string> unanswered;  // addresses that the kernel tells no route to
  int asked = 0;
  int asked_links = 0;
  int discarded = 0;
};

}  // namespace podgate::controller
