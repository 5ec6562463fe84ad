// Reflectors against a server that does what a server may do.
#include "controller/watch/reflector.h"

#include "unit/controller/watch/reflector_world.h"

namespace podgate::controller {
namespace {

TEST(Reflector, ListsByStreamAndGoesOnWatching) {
  World world;
  world.Play({Listed({Added("a", 3), Added("b", 9)}, 10),
              Stream({Event("MODIFIED", Pod("a", 11, "y")), Deleted("b", 12), Bookmark(20)}),
              Stream({})});
  EXPECT_EQ(world.sink.Take(), "+a +b listed +a -b");
  EXPECT_EQ(world.sink.there, (std::map<std::string, std::string>{{"a", "y"}}));
  EXPECT_EQ(
      world.transport.targets[0],
      "/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&watch=1&"
      "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&"
      "timeoutSeconds=240");
  EXPECT_EQ(
      world.transport.targets[1],
      "/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&watch=1&"
      "allowWatchBookmarks=true&resourceVersion=10&timeoutSeconds=240");
  EXPECT_TRUE(world.IsWatchFrom(2, "20"));
  EXPECT_EQ(world.reflector->counters().lists, 1U);
}

TEST(Reflector, AsksOfEachKind) {
  for (const Resource& resource : {kNamespaces, kNetworkPolicies}) {
    World world;
    world.resource = resource;
    world.clock.random = 0.999;
    world.Play({Stream({Bookmark(1, true)})});
    EXPECT_EQ(world.transport.targets[0],
              fmt::format("{}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
                          "allowWatchBookmarks=true&timeoutSeconds=479",
                          resource.path));
  }
}

TEST(Reflector, EventsMayBeCutAnywhere) {
  for (std::size_t split = 1; split < 200; split += split < 40 ? 1 : 13) {
    World world;
    world.transport.split = split;
    world.Play({Listed({"\n", Added("a", 3), " \r\n", Added("b", 9)}, 10),
                Stream({Deleted("a", 11), Added("c", 12)})});
    EXPECT_EQ(world.sink.Take(), "+a +b listed -a +c") << split;
  }
}

TEST(Reflector, ATornLastLineIsDropped) {
  const std::string whole = Added("b", 12);
  for (std::size_t kept = 0; kept < whole.size(); ++kept) {
    World world;
    world.Play({Listed({Added("a", 3)}, 10),
                Stream({Added("c", 11), whole.substr(0, kept)}, HttpError::kClosed), Stream({})});
    EXPECT_EQ(world.sink.Take(), "+a listed +c") << kept;
    EXPECT_TRUE(world.IsWatchFrom(2, "11")) << kept;
    EXPECT_EQ(world.reflector->counters().garbage, 0U);
  }
}

TEST(Reflector, VersionsOfAnUnfinishedListCountForNothing) {
  World world;
  world.Play(
      {Stream({Added("a", 30), Bookmark(31)}, HttpError::kClosed), Listed({Added("b", 5)}, 40)});
  EXPECT_TRUE(world.IsStreamingList(1));
  // What the torn list told stays told until a whole list does not have it.
  EXPECT_EQ(world.sink.Take(), "+a +b -a listed");
}

TEST(Reflector, FallsBackToPagesWhereListsDoNotStream) {
  for (const int status : {400, 404, 405, 406, 415, 422, 501}) {
    World world;
    world.Play({Refusal(status, StatusBody(status, "Invalid")),
                Page(List({Pod("a", 1), Pod("b", 2)}, "7", "t/1=")), Page(List({Pod("c", 3)}, "8")),
                Stream({}), Refusal(410, StatusBody(410, "Expired")), Page(List({}, "9"))});
    EXPECT_EQ(world.sink.Take(), "+a +b +c listed -a -b -c listed") << status;
    EXPECT_EQ(
        world.transport.targets[1],
        "/api/v1/"
        "pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=500");
    EXPECT_EQ(world.transport.targets[2],
              "/api/v1/"
              "pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=500&"
              "continue=t%2F1%3D");
    EXPECT_TRUE(world.IsWatchFrom(3, "7"))
        << "the first page's version, or changes between pages are lost";
    EXPECT_TRUE(world.IsPage(5)) << "what the server does not know is not asked for again";
  }
}

TEST(Reflector, FallsBackWhenTheListHasNoEnd) {
  // A server that takes the request for a plain watch: it ends, or is silent.
  for (const HttpError end : {HttpError::kNone, HttpError::kTimeout}) {
    World world;
    world.Play({Stream({Added("a", 1)}, end), Page(List({Pod("a", 1)}, "7"))});
    EXPECT_TRUE(world.IsPage(1));
    EXPECT_EQ(world.sink.Take(), "+a +a listed");
  }
  // Or goes on for ever with what happens in the cluster.
  World busy;
  Answer drip;
  for (int i = 0; i < 100; ++i) drip.pieces.push_back(Added("a", i + 1));
  drip.between = std::chrono::seconds(2);
  busy.Play({drip, Page(List({Pod("a", 1)}, "7"))});
  EXPECT_TRUE(busy.IsPage(1));
  EXPECT_LE(busy.transport.times[1] - busy.transport.times[0], std::chrono::seconds(62));
  // A connection that broke proves nothing.
  for (const HttpError end : {HttpError::kClosed, HttpError::kTls, HttpError::kConnect}) {
    World world;
    world.Play({Stream({Added("a", 1)}, end), Listed({}, 5)});
    EXPECT_TRUE(world.IsStreamingList(1));
  }
  World world;
  Answer silent = NoConnection();
  silent.end = HttpError::kTimeout;
  world.Play({silent, Listed({}, 5)});
  EXPECT_TRUE(world.IsStreamingList(1));
}

TEST(Reflector, WhatOneFindsOutAboutStreamingListsHoldsForAll) {
  World world;
  Reflector other(kNamespaces, &world.transport, &world.limiter, &world.clock, &world.log,
                  &world.sink);
  world.Play({Stream({Added("a", 1)}, HttpError::kTimeout), Page(List({}, "7"))});
  world.transport.script = {Page(List({}, "7"))};
  world.clock.stopped = false;
  other.Run();
  EXPECT_TRUE(world.IsStreamingList(0));
  EXPECT_TRUE(world.IsPage(1));
  ASSERT_EQ(world.transport.targets.size(), 3U);
  EXPECT_EQ(world.transport.targets[2], "/api/v1/namespaces?limit=500");
}

TEST(Reflector, WatchesOnFromTheLastVersionAfterAnOutage) {
  World world;
  std::deque<Answer> script{Listed({Added("a", 3)}, 10)};
  for (int i = 0; i < 12; ++i) script.push_back(NoConnection());
  script.push_back(Stream({}));
  world.Play(script);
  for (std::size_t i = 1; i < world.transport.targets.size(); ++i)
    EXPECT_TRUE(world.IsWatchFrom(i, "10"));
  EXPECT_EQ(world.sink.Take(), "+a listed");
  EXPECT_NE(world.logged.find("watch resumed"), std::string::npos);
  // Never longer than the longest pause apart: an outage is over for us soon after it is over.
  for (std::size_t i = 2; i < world.transport.times.size(); ++i) {
    EXPECT_LE(world.transport.times[i] - world.transport.times[i - 1],
              std::chrono::milliseconds(4100));
  }
}

TEST(Reflector, RepeatedAndOddEventsAreToldAsTheyCome) {
  World world;
  world.Play({Listed({Added("a", 3), Added("a", 3)}, 10),
              Stream({Added("a", 3), Deleted("never", 12), Deleted("a", 13), Deleted("a", 13),
                      Event("MODIFIED", Pod("a", 14))})});
  EXPECT_EQ(world.sink.there.count("a"), 1U);
  EXPECT_EQ(world.sink.Take(), "+a +a listed +a -never -a -a +a");
}

TEST(Reflector, TheListSlotIsFreeAgainWhenTheListIsComplete) {
  World world;
  Answer answer = Listed({Added("a", 1)}, 10);
  bool taken = false;
  answer.before_end = [&] {
    taken = static_cast<bool>(world.limiter.AwaitList());
  };  // would wait for ever
  world.Play({answer});
  EXPECT_TRUE(taken);
}

TEST(Reflector, EndsWhenTheReceiverWantsNoMore) {
  for (int limit = 0; limit < 4; ++limit) {
    World world;
    world.sink.limit = limit;
    world.Play({Listed({Added("a", 1)}, 10), Stream({Added("b", 11), Added("c", 12)}), Stream({})});
    EXPECT_LT(world.transport.targets.size(), 3U);
    EXPECT_EQ(world.sink.said.size(), static_cast<std::size_t>(limit));
  }
}

TEST(Reflector, IsPatientWithAQuietWatchOnly) {
  World world;
  world.Play({Listed({Added("a", 1)}, 10), Stream({Bookmark(11)})});
  EXPECT_EQ(world.transport.patiences.front(), std::chrono::seconds(15));
  EXPECT_EQ(world.transport.patiences.back(), std::chrono::seconds(90));
}

TEST(Reflector, OnlyWholeEventsShowThatAWatchIsAlive) {
  World world;
  Answer drip = Stream({"\n", " ", Bookmark(11), "{", "\"type\"", ":", "\"BOOK"});
  drip.between = std::chrono::seconds(40);
  world.Play({Listed({}, 10), drip});
  std::vector<long> seconds;
  for (const auto patience : world.transport.patiences) {
    seconds.push_back(std::chrono::duration_cast<std::chrono::seconds>(patience).count());
  }
  EXPECT_EQ(seconds, (std::vector<long>{15, 90, 50, 10, 90, 50, 10, 0}));
}

}  // namespace
}  // namespace podgate::controller
