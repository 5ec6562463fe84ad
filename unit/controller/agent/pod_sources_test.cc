// Two streams of pods that agree on one state, in whatever order they come.
#include "controller/agent/pod_sources.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "unit/controller/agent/loop_world.h"

namespace podgate::controller {
namespace {

Message Here(Message message) {
  message.of_this_node = true;
  return message;
}
Message Gone() { return Delete(Kind::kPod, "d", "a"); }
Message On(const std::string& node, const std::string& uid) {
  compiler::Pod pod = MakePod("a", "10.0.0.1", {}, node);
  pod.uid = uid;
  return Upsert(pod);
}

// The pod that is left after the messages; nullopt: none.
std::optional<std::string> Left(const std::vector<Message>& messages) {
  std::optional<compiler::Pod> left;
  PodSources sources("n1", [&left](const compiler::ObjectKey&) { return left; });
  for (const Message& message : messages) {
    const std::optional<Message> next = sources.Next(message);
    if (!next) continue;
    left.reset();
    if (next->type == Message::Type::kUpsert) left = std::get<compiler::Pod>(*next->object);
  }
  if (!left) return std::nullopt;
  return left->uid + " on " + left->node;
}

// Every way in which two streams can be merged.
template <typename Check>
void InEveryOrder(const std::vector<Message>& wide, const std::vector<Message>& narrow,
                  const Check& check) {
  std::vector<bool> from_narrow(wide.size(), false);
  from_narrow.resize(wide.size() + narrow.size(), true);
  do {
    std::vector<Message> messages;
    auto next_wide = wide.begin();
    auto next_narrow = narrow.begin();
    for (const bool which : from_narrow) messages.push_back(which ? *next_narrow++ : *next_wide++);
    check(messages);
  } while (std::next_permutation(from_narrow.begin(), from_narrow.end()));
}

TEST(PodSources, APodThatHasFinishedStaysUntilItIsGone) {
  InEveryOrder({On("n1", "1"), Gone()}, {Here(On("n1", "1")), Here(On("n1", "1"))},
               [](const auto& messages) { EXPECT_EQ(Left(messages), "1 on n1"); });
  InEveryOrder({On("n1", "1"), Gone()}, {Here(On("n1", "1")), Here(Gone())},
               [](const auto& messages) { EXPECT_EQ(Left(messages), std::nullopt); });
}

TEST(PodSources, ANameThatIsGivenAgainOnAnotherNode) {
  InEveryOrder({On("n1", "1"), Gone(), On("", "2"), On("n2", "2")},
               {Here(On("n1", "1")), Here(Gone())},
               [](const auto& messages) { EXPECT_EQ(Left(messages), "2 on n2"); });
  InEveryOrder({On("n1", "1"), Gone(), On("n2", "2"), Gone()}, {Here(On("n1", "1")), Here(Gone())},
               [](const auto& messages) { EXPECT_EQ(Left(messages), std::nullopt); });
}

TEST(PodSources, ANameThatIsGivenAgainOnThisNode) {
  InEveryOrder({On("n2", "1"), Gone(), On("", "2"), On("n1", "2")}, {Here(On("n1", "2"))},
               [](const auto& messages) { EXPECT_EQ(Left(messages), "2 on n1"); });
  InEveryOrder({On("n2", "1"), Gone(), On("", "2"), On("n1", "2"), Gone()},
               {Here(On("n1", "2")), Here(Gone())},
               [](const auto& messages) { EXPECT_EQ(Left(messages), std::nullopt); });
}

TEST(PodSources, AServerThatTellsOfOtherNodesAllTheSameIsNotHeard) {
  EXPECT_EQ(Left({On("n2", "1"), Here(On("n2", "9"))}), "1 on n2");
  EXPECT_EQ(Left({On("n2", "1"), Here(On("n2", "1")), Here(Gone())}), "1 on n2");
}

TEST(PodSources, WhoseNodeCannotBeReadIsOfTheNodeThatWasAskedFor) {
  EXPECT_EQ(Left({Here(On("", "1"))}), "1 on n1");
}

// Through the loop: the pod keeps its address and its policies while it runs.
TEST(PodSources, AFinishedPodIsPolicedWhileItsContainersRun) {
  LoopWorld world;
  world.Start();
  compiler::Pod web = MakePod("web", "10.0.0.1", {{"app", "web"}});
  world.Tell(Here(Upsert(web)));
  web.finished = web.still_running = true;
  world.Tell(Here(Upsert(web)), Delete(Kind::kPod, "d", "web"));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.1"));
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
  web.still_running = false;
  world.Tell(Here(Upsert(web)));
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.1"));
  EXPECT_EQ(world.loop.pipeline().FindPod(web.key), std::nullopt);
  // Other nodes' are not there at all.
  compiler::Pod client = MakePod("client", "10.0.1.1", {{"role", "client"}}, "n2");
  client.finished = client.still_running = true;
  world.Tell(Upsert(client));
  EXPECT_EQ(world.loop.pipeline().FindPod(client.key), std::nullopt);
}

TEST(PodSources, NothingIsWrittenBeforeBothAreListed) {
  LoopWorld world;
  Loop loop({.node = "n1", .compile = {}, .own_pods = true}, &world.kernel, &world.clock,
            &world.log);
  std::vector<Message> batch;
  for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy})
    batch.push_back(Listed(kind));
  loop.Handle(std::move(batch));
  EXPECT_TRUE(world.kernel.committed.empty());
  std::vector<Message> more;
  more.push_back(Here(Listed(Kind::kPod)));
  loop.Handle(std::move(more));
  EXPECT_FALSE(world.kernel.committed.empty());
}

}  // namespace
}  // namespace podgate::controller
