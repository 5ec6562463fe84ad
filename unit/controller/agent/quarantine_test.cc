// Pods that cannot be read stay closed at every address that may be theirs, and at no address that
// is proved to be another's.
#include "controller/agent/quarantine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit/controller/agent/loop_world.h"

namespace podgate::controller {
namespace {

constexpr const char* kOutside = "10.9.9.9";

class QuarantineTest : public ::testing::Test {
 protected:
  void SetUp() override { world_.Start(); }

  void TellUnreadable(const std::string& address) {
    compiler::Pod pod = MakePod("web", address, {});
    pod.created = "2026-01-02T00:00:00Z";
    world_.Tell(Upsert(Kind::kPod, pod, {Unreadable()}));
  }
  compiler::Pod Readable(const std::string& address, const std::string& created,
                         const std::string& node = "n1") {
    compiler::Pod pod = MakePod("heir", address, {}, node);
    pod.created = created;
    return pod;
  }
  bool Closed(const std::string& address) {
    return !world_.Passes(kOutside, address) && !world_.Passes(address, kOutside);
  }

  LoopWorld world_;
};

TEST_F(QuarantineTest, NoAddressEverOpensHoweverManyThereWere) {
  constexpr int kVersions = 300;
  const auto address = [](int i) { return fmt::format("10.{}.0.{}", 1 + i / 250, i % 250); };
  for (int i = 0; i < kVersions; ++i) TellUnreadable(address(i));
  EXPECT_TRUE(Closed("10.0.0.1")) << "of the last version that could be read";
  for (int i = 0; i < kVersions; ++i) EXPECT_TRUE(Closed(address(i))) << address(i);
  // The same again changes nothing.
  world_.kernel.committed.clear();
  TellUnreadable(address(kVersions - 1));
  EXPECT_TRUE(world_.kernel.committed.empty());
  // Readable again, it leaves nothing behind.
  world_.Tell(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})));
  for (int i = 0; i < kVersions; ++i) EXPECT_FALSE(Closed(address(i)));
}

TEST_F(QuarantineTest, AnAddressThatWasHandedOutAgainIsTheHeirs) {
  TellUnreadable("10.1.0.1");
  TellUnreadable("10.1.0.2");
  world_.Tell(Upsert(Readable("10.1.0.1", "2026-01-03T00:00:00Z")));
  EXPECT_FALSE(Closed("10.1.0.1"));
  EXPECT_TRUE(Closed("10.0.0.1"));
  EXPECT_TRUE(Closed("10.1.0.2"));
  // For good: the pod that cannot be read does not come back to it.
  world_.Tell(Delete(Kind::kPod, "d", "heir"));
  TellUnreadable("10.1.0.3");
  EXPECT_FALSE(Closed("10.1.0.1"));
  EXPECT_TRUE(Closed("10.1.0.2"));
}

TEST_F(QuarantineTest, TheHeirMayHaveBeenThereWhenTheAddressBecameAnEarlierOne) {
  TellUnreadable("10.1.0.1");
  world_.Tell(Upsert(Readable("10.1.0.1", "2026-01-03T00:00:00Z")));
  TellUnreadable("10.1.0.2");
  EXPECT_FALSE(Closed("10.1.0.1"));
  EXPECT_TRUE(Closed("10.1.0.2"));
}

TEST_F(QuarantineTest, WhatProvesNothingOpensNothing) {
  TellUnreadable("10.1.0.1");
  TellUnreadable("10.1.0.2");
  const auto claim = [this](const compiler::Pod& pod) {
    world_.Tell(Upsert(pod));
    world_.Tell(Delete(Kind::kPod, "d", "heir"));
  };
  claim(Readable("10.1.0.1", "2026-01-03T00:00:00Z", "n2"));  // another node may say anything
  EXPECT_TRUE(Closed("10.1.0.1"));
  claim(Readable("10.1.0.1", "2026-01-02T00:00:00Z"));  // not created later
  EXPECT_TRUE(Closed("10.1.0.1"));
  compiler::Pod finished = Readable("10.1.0.1", "2026-01-03T00:00:00Z");
  finished.finished = true;
  claim(finished);
  EXPECT_TRUE(Closed("10.1.0.1"));
}

}  // namespace
}  // namespace podgate::controller
