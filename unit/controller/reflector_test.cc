// Reflectors against a server that does everything a server may do, and much that it must not.
#include "controller/reflector.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit/controller/fake_transport.h"

namespace podgate::controller {
namespace {

std::string Pod(const std::string& name, int version, const std::string& label = "x") {
  return fmt::format(R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{}","namespace":"d",)"
                     R"("resourceVersion":"{}","labels":{{"l":"{}"}}}}}})",
                     name, version, label);
}
std::string Event(const char* type, const std::string& object) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
}
std::string Added(const std::string& name, int version) {
  return Event("ADDED", Pod(name, version));
}
std::string Deleted(const std::string& name, int version) {
  return Event("DELETED", Pod(name, version));
}
std::string Bookmark(int version, bool end = false) {
  return Event(
      "BOOKMARK",
      fmt::format(R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"resourceVersion":"{}"{}}}}})",
                  version, end ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : ""));
}
std::string StatusBody(int code, const std::string& reason, int retry_after = 0) {
  return fmt::format(
      R"({{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"m",)"
      R"("reason":"{}","details":{{"retryAfterSeconds":{}}},"code":{}}})",
      reason, retry_after, code);
}
std::string List(const std::vector<std::string>& items, const std::string& version,
                 const std::string& token = {}) {
  std::string text;
  for (const std::string& item : items) text.append(text.empty() ? "" : ",").append(item);
  return fmt::format(
      R"({{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"{}","continue":"{}"}},"items":[{}]}})",
      version, token, text);
}

class Recorder : public MessageSink {
 public:
  bool Put(Message message) override {
    if (limit-- == 0) return false;
    switch (message.type) {
      case Message::Type::kListed:
        said.emplace_back("listed");
        break;
      case Message::Type::kDelete:
        said.push_back(fmt::format("-{}", message.key.name));
        there.erase(message.key.name);
        break;
      case Message::Type::kUpsert: {
        const auto& pod = std::get<compiler::Pod>(*message.object);
        said.push_back(fmt::format("+{}", pod.key.name));
        there[pod.key.name] = pod.labels.empty() ? "" : pod.labels[0].second;
        break;
      }
    }
    return true;
  }
  std::string Take() {
    std::string text;
    for (const std::string& word : said) text.append(text.empty() ? "" : " ").append(word);
    said.clear();
    return text;
  }

  std::vector<std::string> said;
  std::map<std::string, std::string> there;
  int limit = -1;
};

struct World {
  FakeClock clock;
  FakeTransport transport{&clock};
  RequestGate gate{&clock};
  std::string logged;
  Logger log{Logger::Format::kText, LogLevel::kDebug,
             [this](std::string_view line) { logged += line; }};
  Recorder sink;
  Resource resource = kPods;
  std::unique_ptr<Reflector> reflector;

  // Plays the script to its end.
  void Play(std::deque<Answer> script) {
    transport.script = std::move(script);
    clock.stopped = false;
    if (!reflector) {
      reflector = std::make_unique<Reflector>(resource, &transport, &gate, &clock, &log, &sink);
    }
    reflector->Run();
  }
  bool IsWatchFrom(std::size_t request, const std::string& version) const {
    return request < transport.targets.size() &&
           transport.targets[request].find("&resourceVersion=" + version + "&") !=
               std::string::npos;
  }
  bool IsStreamingList(std::size_t request) const {
    return request < transport.targets.size() &&
           transport.targets[request].find("sendInitialEvents=true") != std::string::npos;
  }
  bool IsPage(std::size_t request) const {
    return request < transport.targets.size() &&
           transport.targets[request].find("limit=") != std::string::npos;
  }
};

// A list by a stream that then lived for a minute.
Answer Listed(const std::vector<std::string>& events, int version) {
  Answer answer;
  answer.pieces = events;
  answer.pieces.push_back(Bookmark(version, true));
  answer.lived = std::chrono::minutes(1);
  return answer;
}
Answer Stream(std::vector<std::string> pieces, HttpError end = HttpError::kNone) {
  Answer answer;
  answer.pieces = std::move(pieces);
  answer.end = end;
  answer.lived = std::chrono::minutes(1);
  return answer;
}
Answer Refusal(int status, const std::string& body, int retry_after = 0) {
  Answer answer;
  answer.status = status;
  answer.pieces = {body};
  answer.retry_after_seconds = retry_after;
  return answer;
}
Answer Page(const std::string& body) {
  Answer answer;
  answer.pieces = {body};
  return answer;
}
Answer NoConnection() {
  Answer answer;
  answer.status = 0;
  answer.end = HttpError::kConnect;
  return answer;
}
Answer NoStreamingLists() { return Refusal(422, StatusBody(422, "Invalid")); }

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
  Reflector other(kNamespaces, &world.transport, &world.gate, &world.clock, &world.log,
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

TEST(Reflector, RelistsOnEveryKindOf410AndSweeps) {
  const Answer kGone[] = {
      Refusal(410, StatusBody(410, "Expired")),
      Refusal(410, "no json"),
      Stream({Event("ERROR", StatusBody(410, "Expired"))}),
      Stream({Event("ERROR", StatusBody(410, "Gone"))}),
      Stream({Event("ERROR", StatusBody(500, "Expired"))}),
      Stream({Added("late", 11) + Event("ERROR", StatusBody(410, "Expired")) + Added("never", 12)}),
  };
  for (const Answer& gone : kGone) {
    World world;
    world.Play({Listed({Added("a", 3), Added("b", 4)}, 10), gone, Listed({Added("b", 40)}, 50),
                Stream({})});
    EXPECT_TRUE(world.IsStreamingList(2));
    EXPECT_TRUE(world.IsWatchFrom(3, "50"));
    EXPECT_EQ(world.sink.there, (std::map<std::string, std::string>{{"b", "x"}}));
    EXPECT_EQ(world.reflector->counters().lists, 2U);
  }
}

TEST(Reflector, AnExpiredContinueTokenBeginsTheListAnew) {
  World world;
  world.Play({NoStreamingLists(), Page(List({Pod("a", 1)}, "7", "t")),
              Refusal(410, StatusBody(410, "Expired")), Page(List({Pod("b", 2)}, "9"))});
  EXPECT_TRUE(world.IsPage(3));
  EXPECT_EQ(world.transport.targets[3].find("continue"), std::string::npos);
  EXPECT_EQ(world.sink.Take(), "+a +b -a listed");
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
  EXPECT_NE(world.logged.find("watching again"), std::string::npos);
  // Never longer than the longest pause apart: an outage is over for us soon after it is over.
  for (std::size_t i = 2; i < world.transport.times.size(); ++i) {
    EXPECT_LE(world.transport.times[i] - world.transport.times[i - 1],
              std::chrono::milliseconds(4100));
  }
}

TEST(Reflector, ListsSoonAfterAnOutageThatOutlivedItsVersion) {
  World world;
  std::deque<Answer> script{Listed({Added("a", 3)}, 10)};
  for (int i = 0; i < 12; ++i) script.push_back(NoConnection());
  script.push_back(Refusal(410, StatusBody(410, "Expired")));
  script.push_back(Listed({}, 90));
  world.Play(script);
  const auto& times = world.transport.times;
  EXPECT_LE(times[14] - times[13], std::chrono::milliseconds(100));
  EXPECT_EQ(world.sink.Take(), "+a listed -a listed");
}

TEST(Reflector, AVersionThatIsRefusedThreeTimesIsGivenUp) {
  // A server restored from a backup is behind the version that we know, and never reaches it.
  for (const Answer& refusal : {Refusal(504, StatusBody(504, "Timeout")),
                                Stream({Event("ERROR", StatusBody(504, "Timeout"))})}) {
    World world;
    world.Play({Listed({}, 1000), refusal, refusal, refusal, Listed({}, 5), Stream({})});
    EXPECT_TRUE(world.IsWatchFrom(3, "1000"));
    EXPECT_TRUE(world.IsStreamingList(4));
    EXPECT_TRUE(world.IsWatchFrom(5, "5"));
  }
  // A server that is too busy, is away, or wants another token says nothing about the version.
  for (const int status : {401, 403, 429, 502, 503}) {
    World busy;
    const Answer no = Refusal(status, StatusBody(status, "Busy"));
    const Answer later = Stream({Event("ERROR", StatusBody(status, "Busy"))});
    busy.Play({Listed({}, 1000), no, no, no, no, later, later, later, later, Stream({})});
    for (std::size_t request = 1; request <= 9; ++request) {
      EXPECT_TRUE(busy.IsWatchFrom(request, "1000")) << status << " " << request;
    }
  }
  // Refusals that are not in a row are no reason.
  World world;
  const Answer refusal = Refusal(500, "");
  world.Play(
      {Listed({}, 10), refusal, refusal, Stream({Bookmark(11)}), refusal, refusal, Stream({})});
  EXPECT_TRUE(world.IsWatchFrom(6, "11"));
}

TEST(Reflector, HonoursRetryAfterWithinBounds) {
  World world;
  world.Play({Refusal(429, "", 7), Refusal(429, StatusBody(429, "TooManyRequests", 5)),
              Refusal(503, "", 100'000), Refusal(503, "", -5), Listed({}, 1)});
  const auto& slept = world.clock.slept;
  EXPECT_NE(std::find(slept.begin(), slept.end(), 7000), slept.end());
  EXPECT_NE(std::find(slept.begin(), slept.end(), 5000), slept.end());
  EXPECT_NE(std::find(slept.begin(), slept.end(), 30'000), slept.end());
  EXPECT_EQ(*std::max_element(slept.begin(), slept.end()), 30'000);
}

TEST(Reflector, ReadsTheTokenAgainAtOnceButOnce) {
  World world;
  const Answer unauthorized = Refusal(401, StatusBody(401, "Unauthorized"));
  world.Play({Listed({}, 10), unauthorized, Stream({}), unauthorized, unauthorized, unauthorized,
              Stream({})});
  const auto& times = world.transport.times;
  EXPECT_EQ(times[2] - times[1], Clock::Duration(0));
  EXPECT_EQ(times[4] - times[3], Clock::Duration(0));
  EXPECT_GE(times[5] - times[4], std::chrono::milliseconds(100));
  EXPECT_TRUE(world.IsWatchFrom(4, "10"));
}

TEST(Reflector, GarbageEndsTheStreamAndIsListedOver) {
  const std::string kGarbage[] = {
      "garbage\n",
      "{}\n",
      Event("ODD", Pod("a", 1)),
      "{\"type\":\"ADDED\"}\n",
      "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}}\n",
      "{\"type\":\"DELETED\",\"object\":5}\n",
      "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\xff\"}}}\n",
      std::string(100, '[') + "\n",
      "<html>\n",
      std::string(9 << 20, 'x'),
  };
  for (const std::string& garbage : kGarbage) {
    World world;
    world.Play({Listed({Added("a", 3)}, 10), Stream({Added("b", 11), garbage, Added("c", 12)}),
                Listed({}, 20)});
    EXPECT_EQ(world.sink.Take(), "+a listed +b -a -b listed") << garbage.substr(0, 80);
    EXPECT_EQ(world.reflector->counters().garbage, 1U) << garbage.substr(0, 80);
    EXPECT_TRUE(world.IsStreamingList(2));
  }
}

TEST(Reflector, APageThatCannotBeReadCompletesNoList) {
  const std::string kGarbage[] = {"garbage",
                                  "",
                                  List({Pod("z", 1)}, "7").substr(0, 150),
                                  List({}, ""),
                                  StatusBody(500, "x"),
                                  "{\"kind\":\"PodList\",\"items\":{}}",
                                  List({}, "5") + "x"};
  for (const std::string& garbage : kGarbage) {
    World world;
    world.Play({NoStreamingLists(), Page(List({Pod("a", 1)}, "7")), Refusal(410, ""), Page(garbage),
                Page(List({Pod("a", 2)}, "9"))});
    EXPECT_TRUE(world.IsPage(4)) << garbage;
    EXPECT_EQ(world.sink.Take().find("-a"), std::string::npos) << garbage;
    EXPECT_EQ(world.reflector->counters().lists, 2U) << garbage;
  }
}

TEST(Reflector, ATruncatedPageCompletesNoList) {
  Answer torn = Page(List({Pod("b", 1)}, "7"));
  torn.end = HttpError::kClosed;
  World world;
  world.Play({NoStreamingLists(), torn, Page(List({Pod("a", 2)}, "9"))});
  EXPECT_EQ(world.sink.Take(), "+a listed");
}

TEST(Reflector, AsksForSmallerPagesWhenOneIsTooLong) {
  World world;
  const Answer huge = Page(std::string((32u << 20) + 1, ' '));
  world.Play({NoStreamingLists(), huge, huge, huge, huge, Page(List({}, "1"))});
  EXPECT_NE(world.transport.targets[2].find("limit=62"), std::string::npos);
  EXPECT_NE(world.transport.targets[3].find("limit=7"), std::string::npos);
  EXPECT_NE(world.transport.targets[4].find("limit=1"), std::string::npos);
  EXPECT_EQ(world.sink.Take(), "listed");
}

TEST(Reflector, PagesGrowAgainAndAListGoesOnWhereOneWasTooLong) {
  World world;
  const Answer huge = Page(std::string((32u << 20) + 1, ' '));
  const Answer long_page = Page(List({Pod("b", 2)}, "2", "t2") + std::string(5u << 20, ' '));
  world.Play({NoStreamingLists(), Page(List({Pod("a", 1)}, "1", "t1")), huge, huge, long_page,
              Page(List({Pod("c", 3)}, "3", "t3")), Page(List({Pod("d", 4)}, "4", "t4")),
              Page(List({Pod("e", 5)}, "5"))});
  const auto ends = [&](std::size_t request, const char* query) {
    EXPECT_TRUE(world.transport.targets.at(request).ends_with(query))
        << request << " " << world.transport.targets.at(request);
  };
  ends(1, "limit=500");
  ends(2, "limit=500&continue=t1");
  ends(3, "limit=62&continue=t1");
  ends(4, "limit=7&continue=t1");
  ends(5, "limit=7&continue=t2");  // the last one was long enough
  ends(6, "limit=56&continue=t3");
  ends(7, "limit=448&continue=t4");
  EXPECT_EQ(world.sink.Take(), "+a +b +c +d +e listed");
  EXPECT_EQ(world.reflector->counters().lists, 1U);
}

TEST(Reflector, AListThatNeverEndsIsGivenUp) {
  World world;
  world.resource.max_objects = 1000;
  std::deque<Answer> script{NoStreamingLists()};
  for (int i = 0; i < 18; ++i)
    script.push_back(Page(List({Pod("a", 1)}, "7", fmt::format("t{}", i))));
  script.push_back(Page(List({Pod("a", 1)}, "8")));
  world.Play(script);
  EXPECT_EQ(world.reflector->counters().lists, 1U);
  EXPECT_NE(world.logged.find("the list does not end"), std::string::npos);

  World repeats;
  repeats.Play({NoStreamingLists(), Page(List({}, "7", "t")), Page(List({}, "7", "t")),
                Page(List({}, "8"))});
  EXPECT_NE(repeats.logged.find("the list repeats its continue token"), std::string::npos);
  EXPECT_EQ(repeats.reflector->counters().lists, 1U);
}

TEST(Reflector, MoreObjectsThanThereCanBeAreNotBelieved) {
  World world;
  world.resource.max_objects = 3;
  world.Play(
      {Stream({Added("a", 1), Added("b", 2), Added("c", 3), Added("d", 4), Bookmark(9, true)}),
       NoStreamingLists(), Page(List({Pod("a", 1), Pod("b", 1), Pod("c", 1), Pod("d", 1)}, "7")),
       Page(List({Pod("a", 1)}, "8"))});
  EXPECT_EQ(world.sink.there, (std::map<std::string, std::string>{{"a", "x"}}));
  EXPECT_EQ(world.reflector->counters().lists, 1U);
  EXPECT_NE(world.logged.find("there is more than 3 objects"), std::string::npos);
}

TEST(Reflector, MoreBytesThanThereCanBeAreNotKept) {
  World world;
  world.resource.max_bytes = 100'000;
  const std::string large = Event("ADDED", Pod("large", 5, std::string(60'000, 'x')));
  world.Play({Listed({Added("a", 1)}, 10), Stream({Added("b", 11), large, Added("c", 12)}),
              Listed({Added("b", 20)}, 20)});
  EXPECT_EQ(world.sink.Take(), "+a listed +b +b -a listed");
  EXPECT_TRUE(world.IsStreamingList(2));
}

TEST(Reflector, RepeatedAndOddEventsAreToldAsTheyCome) {
  World world;
  world.Play({Listed({Added("a", 3), Added("a", 3)}, 10),
              Stream({Added("a", 3), Deleted("never", 12), Deleted("a", 13), Deleted("a", 13),
                      Event("MODIFIED", Pod("a", 14))})});
  EXPECT_EQ(world.sink.there.count("a"), 1U);
  EXPECT_EQ(world.sink.Take(), "+a +a listed +a -never -a -a +a");
}

TEST(Reflector, AnObjectWithoutANameDeletesNothing) {
  // It might be any of those that seem to be gone.
  const std::string nameless = R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":7}})";
  World world;
  world.Play({Listed({Added("a", 3), Added("b", 4)}, 10), Refusal(410, ""),
              Listed({Added("b", 40), Event("ADDED", nameless)}, 50), Refusal(410, ""),
              Listed({}, 60)});
  EXPECT_EQ(world.sink.Take(), "+a +b listed +b listed -a -b listed");
}

TEST(Reflector, NeverFiveRequestsWithinASecond) {
  // Whatever comes back, and however fast.
  const Answer kInstant[] = {Refusal(500, ""),
                             Refusal(401, ""),
                             Refusal(410, ""),
                             Refusal(422, ""),
                             NoConnection(),
                             Page("garbage\n"),
                             Page(List({}, "7")),
                             Page(List({}, "7", "t")),
                             Page(""),
                             Page(Bookmark(5, true)),
                             Page(Bookmark(5, true) + "garbage\n"),
                             Page(Bookmark(5, true) + Event("ERROR", StatusBody(410, "Gone"))),
                             Page(Event("ERROR", StatusBody(500, "x"))),
                             Refusal(307, "")};
  const std::size_t kinds = std::size(kInstant);
  for (std::size_t first = 0; first < kinds; ++first) {
    for (std::size_t second = 0; second < kinds; ++second) {
      World world;
      std::deque<Answer> script;
      for (int i = 0; i < 20; ++i) {
        script.push_back(kInstant[first]);
        script.push_back(kInstant[second]);
      }
      world.Play(script);
      const auto& times = world.transport.times;
      ASSERT_EQ(times.size(), 40U);
      for (std::size_t i = 4; i < times.size(); ++i) {
        ASSERT_GT(times[i] - times[i - 4], std::chrono::seconds(1))
            << first << " " << second << " " << i;
      }
    }
  }
}

TEST(Reflector, TheListSlotIsFreeAgainWhenTheListIsComplete) {
  World world;
  Answer answer = Listed({Added("a", 1)}, 10);
  bool taken = false;
  answer.before_end = [&] {
    taken = static_cast<bool>(world.gate.AwaitList());
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

}  // namespace
}  // namespace podgate::controller
