// What an Event says, how seldom events go, and what becomes of them when the server refuses.
#include "controller/watch/cluster_event.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/watch/event_sender.h"
#include "unit/controller/agent/loop_world.h"
#include "unit/controller/transport/fake_transport.h"

namespace podgate::controller {
namespace {

using About = ClusterEvent::About;
using nlohmann::json;

constexpr auto kNow =
    std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'250));

ClusterEvent Event(About about, const std::string& ns, const std::string& name,
                   const std::string& reason = "Reason") {
  ClusterEvent event;
  event.about = about;
  event.key = {ns, name};
  event.uid = "u-1";
  event.reason = reason;
  event.action = "Act";
  event.note = "A note.";
  return event;
}

TEST(ClusterEvent, SaysAllThatTheApiAsksFor) {
  const EventSource source{"n1", std::nullopt};
  const ClusterEvent event = Event(About::kNetworkPolicy, "d", "web");
  EXPECT_EQ(EventTarget(event, source), "/apis/events.k8s.io/v1/namespaces/d/events");
  const json made = json::parse(EventJson(event, source, kNow));
  EXPECT_EQ(made, json::parse(R"({"apiVersion":"events.k8s.io/v1","kind":"Event",
    "metadata":{"generateName":"podgate-","namespace":"d"},"eventTime":"2023-11-14T22:13:20.250000Z",
    "type":"Warning","reason":"Reason","action":"Act","note":"A note.",
    "regarding":{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","namespace":"d",
                 "name":"web","uid":"u-1"},
    "reportingController":"podgate","reportingInstance":"podgate-n1"})"));
}

TEST(ClusterEvent, OfTheAgentItself) {
  ClusterEvent event = Event(About::kAgent, "", "");
  event.uid.clear();
  const EventSource on_node{"n1", std::nullopt};
  EXPECT_EQ(EventTarget(event, on_node), "/apis/events.k8s.io/v1/namespaces/default/events");
  EXPECT_EQ(json::parse(EventJson(event, on_node, kNow))["regarding"],
            json::parse(R"({"apiVersion":"v1","kind":"Node","name":"n1","uid":"n1"})"));
  const EventSource in_pod{"n1", compiler::ObjectKey{"kube-system", "podgate-x"}};
  EXPECT_EQ(EventTarget(event, in_pod), "/apis/events.k8s.io/v1/namespaces/kube-system/events");
  EXPECT_EQ(
      json::parse(EventJson(event, in_pod, kNow))["regarding"],
      json::parse(
          R"({"apiVersion":"v1","kind":"Pod","namespace":"kube-system","name":"podgate-x"})"));
}

TEST(ClusterEvent, NotesAreCutAndMadeReadable) {
  ClusterEvent event = Event(About::kPod, "d", "p");
  event.note = std::string(1023, 'x') + "\xc3\xa4 and more";
  const EventSource source{std::string(300, 'n'), std::nullopt};
  const json made = json::parse(EventJson(event, source, kNow));
  EXPECT_EQ(made["note"], std::string(1023, 'x'));
  EXPECT_EQ(made["reportingInstance"].get<std::string>().size(), 128U);
  event.note = "\xff\xfe\"\n";
  EXPECT_TRUE(json::accept(EventJson(event, source, kNow)));
}

TEST(EventQueue, TheSameIsToldOnceInTenMinutes) {
  EventQueue queue;
  Clock::Time now{std::chrono::hours(1)};
  EXPECT_TRUE(queue.Put(Event(About::kPod, "d", "p"), now));
  EXPECT_FALSE(queue.Put(Event(About::kPod, "d", "p"), now));
  EXPECT_TRUE(queue.Put(Event(About::kPod, "d", "p", "Other"), now));
  EXPECT_TRUE(queue.Put(Event(About::kNetworkPolicy, "d", "p"), now));
  EXPECT_TRUE(queue.Put(Event(About::kPod, "e", "p"), now));
  EXPECT_EQ(queue.Take()->reason, "Reason");
  EXPECT_EQ(queue.Take()->reason, "Other");
  now += EventQueue::kSameAgain - std::chrono::seconds(1);
  EXPECT_FALSE(queue.Put(Event(About::kPod, "d", "p"), now));
  EXPECT_TRUE(queue.Put(Event(About::kPod, "d", "p"), now + std::chrono::seconds(1)));
}

TEST(EventQueue, NeverManyAndNeverWithoutBound) {
  EventQueue queue;
  Clock::Time now{std::chrono::hours(1)};
  std::size_t taken = 0;
  for (int i = 0; i < 1000; ++i)
    taken += queue.Put(Event(About::kPod, "d", std::to_string(i)), now) ? 1 : 0;
  EXPECT_EQ(taken, EventQueue::kAboutOneNamespace);
  // Nobody takes them.
  for (int i = 0; i < 1000; ++i) {
    now += std::chrono::seconds(10);
    taken += queue.Put(Event(About::kPod, "e", std::to_string(i)), now) ? 1 : 0;
  }
  EXPECT_EQ(taken, EventQueue::kMaxWaiting / 4 * 3);
  now += std::chrono::minutes(1);
  EXPECT_TRUE(queue.Put(Event(About::kAgent, "", "n1"), now));
}

TEST(EventQueue, NobodysEventsKeepOthersFromBeingTold) {
  EventQueue queue;
  const Clock::Time now{std::chrono::hours(1)};
  const auto put = [&](About about, const std::string& ns) {
    std::size_t taken = 0;
    for (int i = 0; i < 100; ++i)
      taken += queue.Put(Event(about, ns, std::to_string(i)), now) ? 1 : 0;
    return taken;
  };
  EXPECT_EQ(put(About::kNetworkPolicy, "hostile"), EventQueue::kAboutOneNamespace);
  EXPECT_EQ(put(About::kPod, "victim"), EventQueue::kAboutOneNamespace);
  put(About::kPod, "third");
  EXPECT_EQ(put(About::kPod, "fourth"), 0U);
  EXPECT_EQ(put(About::kAgent, ""), EventQueue::kInAMinute - EventQueue::kAboutObjects);
}

struct Sending {
  FakeClock clock;
  FakeTransport transport{&clock};
  RequestLimiter limiter{&clock};
  std::string logged;
  Logger log{Logger::Format::kText, LogLevel::kInfo,
             [this](std::string_view line) { logged += line; }};
  EventSender sender{{"n1", std::nullopt}, &transport, &limiter, &clock, &log};

  void Tell(const std::string& name, int status, const std::string& body = "{}") {
    sender.Tell(Event(About::kPod, "d", name));
    Answer answer;
    answer.status = status;
    answer.pieces = {body};
    transport.script.assign(1, answer);
    sender.SendNext();
  }
};

TEST(EventSender, Posts) {
  Sending world;
  world.Tell("p", 201);
  ASSERT_EQ(world.transport.posted.size(), 1U);
  EXPECT_EQ(world.transport.targets.at(0), "/apis/events.k8s.io/v1/namespaces/d/events");
  EXPECT_EQ(json::parse(world.transport.posted[0])["regarding"]["name"], "p");
  EXPECT_EQ(world.logged, "");
  world.sender.SendNext();  // nothing waits
  EXPECT_EQ(world.transport.posted.size(), 1U);
}

TEST(EventSender, ARefusalIsSaidOnceAndBelieved) {
  Sending world;
  world.Tell("a", 403);
  EXPECT_NE(world.logged.find("events are refused, sending is paused"), std::string::npos);
  world.logged.clear();
  for (int i = 0; i < 10; ++i) {
    world.clock.Advance(std::chrono::minutes(30));
    world.Tell(std::to_string(i), 403);
  }
  EXPECT_EQ(world.transport.posted.size(), 1U);
  EXPECT_EQ(world.logged, "");
  world.clock.Advance(std::chrono::hours(2));
  world.Tell("b", 201);
  EXPECT_EQ(world.transport.posted.size(), 2U);
}

TEST(EventSender, OtherFailuresLoseOneEvent) {
  Sending world;
  world.Tell("a", 500);
  world.Tell("b", 0);
  world.Tell("c", 404, R"({"kind":"Status","message":"namespaces \"d\" not found"})");
  world.Tell("d", 403,
             R"({"kind":"Status","apiVersion":"v1","status":"Failure","code":403,"reason":)"
             R"("Forbidden","message":"no","details":{"causes":[{"reason":"NamespaceTerminating",)"
             R"("message":"namespace d is being terminated","field":"metadata.namespace"}]}})");
  world.Tell("e", 201);
  EXPECT_EQ(world.transport.posted.size(), 5U);
  EXPECT_EQ(world.logged, "");
}

TEST(EventSender, AnEndingNamespaceIsKnownByItsCauseAndNotByWords) {
  Sending world;
  world.Tell("a", 403,
             R"({"kind":"Status","code":403,"message":"namespace d is being terminated"})");
  EXPECT_NE(world.logged.find("events are refused, sending is paused"), std::string::npos);
  for (const char* odd : {"", "[", "{}", R"({"details":5})", R"({"details":{"causes":{}}})",
                          R"({"details":{"causes":[7,{},{"reason":3}]}})"})
    EXPECT_FALSE(RefusedByEndingNamespace(odd)) << odd;
  EXPECT_FALSE(RefusedByEndingNamespace(std::string(16'000, '[')));
}

TEST(RequestLimiter, IdleTurnsDelayNobody) {
  FakeClock clock;
  RequestLimiter limiter(&clock);
  EXPECT_TRUE(limiter.TakeIdleTurn());
  EXPECT_TRUE(limiter.TakeIdleTurn());
  EXPECT_FALSE(limiter.TakeIdleTurn());
  EXPECT_TRUE(limiter.AwaitTurn());
  EXPECT_TRUE(limiter.AwaitTurn());
  EXPECT_EQ(clock.slept, (std::vector<std::int64_t>{0, 0}));
  EXPECT_TRUE(limiter.AwaitTurn());  // the fifth waits, whoever sent the others
  EXPECT_GT(clock.slept.back(), 0);
}

struct Heard : EventSink {
  void Tell(ClusterEvent event) override { events.push_back(std::move(event)); }
  std::vector<ClusterEvent> events;
};

TEST(LoopEvents, BrokenPoliciesAndRepairs) {
  LoopWorld world;
  Heard heard;
  Loop loop({"n1", {}, false}, &world.kernel, &world.clock, &world.log, {.events = &heard});
  compiler::NetworkPolicy policy = WebPolicy();
  policy.uid = "u-7";
  const auto tell = [&loop](auto... messages) {
    std::vector<Message> batch;
    (batch.push_back(std::move(messages)), ...);
    loop.Handle(std::move(batch));
    loop.Tick();
  };
  tell(Upsert(Kind::kNetworkPolicy, policy, {Unreadable()}), Listed(Kind::kPod),
       Listed(Kind::kNamespace), Listed(Kind::kNetworkPolicy));
  ASSERT_EQ(heard.events.size(), 1U);
  EXPECT_EQ(heard.events[0].reason, "InvalidPolicy");
  EXPECT_EQ(heard.events[0].about, About::kNetworkPolicy);
  EXPECT_EQ(heard.events[0].uid, "u-7");
  EXPECT_NE(heard.events[0].note.find("status.podIPs: cannot be read"), std::string::npos);
  nft::Step flush;
  flush.table = "podgate";
  flush.operations = {nft::DeleteTable{}};
  ASSERT_TRUE(world.kernel.Commit(flush).ok());
  world.clock.Advance(std::chrono::seconds(2));
  loop.Tick();
  ASSERT_EQ(heard.events.size(), 2U);
  EXPECT_EQ(heard.events[1].reason, "RulesChanged");
  EXPECT_EQ(heard.events[1].about, About::kAgent);
  EXPECT_EQ(heard.events[1].note,
            "Another process deleted the nftables table inet podgate; the agent restored it. "
            "Suspected: unknown.");
}

}  // namespace
}  // namespace podgate::controller
