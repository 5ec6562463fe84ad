// A fresh network namespace for each test, with conntrack's entries in it.
#pragma once

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "nft/conntrack/conntrack.h"
#include "nft/conntrack/conntrack_codec.h"
#include "nft/kernel/netlink_client.h"

namespace podgate::nft {

// Where conntrack cannot be listed the test says why and is skipped; with CI set in the environment
// it fails.
class RealConntrackTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("PODGATE_EMULATED") != nullptr) {
      GTEST_SKIP() << "the emulator of another architecture's programs knows no NETLINK_NETFILTER";
    }
    std::string problem;
    if (unshare(CLONE_NEWNET) != 0) {
      problem = std::string("cannot make a network namespace: ") + std::strerror(errno);
    } else {
      auto opened = OpenConntrack();
      auto client = NetlinkClient::Open(NETLINK_NETFILTER);
      if (opened.ok() && client.ok()) {
        conntrack_ = std::move(opened).value();
        client_ = std::move(client).value();
        // A kernel without ctnetlink refuses to list.
        problem = conntrack_->Walk([](const Flow&) { return true; }).message();
      } else {
        problem = opened.status().message() + client.status().message();
      }
    }
    if (problem.empty()) return;
    if (std::getenv("CI") != nullptr) FAIL() << problem;
    GTEST_SKIP() << problem;
  }

  // 0, or the errno value of the refusal.
  int Make(const Flow& flow) {
    ConntrackRequests requests(client_->next_sequence());
    requests.Create(flow);
    const auto refused = client_->Tell(requests.data(), requests.size(), requests.next_sequence());
    EXPECT_TRUE(refused.ok()) << refused.status().message();
    if (!refused.ok() || refused.value().empty()) return 0;
    return refused.value().begin()->second;
  }
  std::vector<Flow> All() {
    std::vector<Flow> flows;
    const auto status = conntrack_->Walk([&](const Flow& flow) {
      flows.push_back(flow);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status.message();
    return flows;
  }
  Flow Only() {
    const auto flows = All();
    EXPECT_EQ(flows.size(), 1U);
    return flows.empty() ? Flow() : flows[0];
  }

  std::unique_ptr<Conntrack> conntrack_;
  std::unique_ptr<NetlinkClient> client_;
};

}  // namespace podgate::nft
