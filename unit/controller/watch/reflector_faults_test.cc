// Reflectors against a server that refuses, forgets, talks nonsense, or never comes to an end.
#include "controller/watch/reflector.h"

#include "unit/controller/watch/reflector_world.h"

namespace podgate::controller {
namespace {

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

TEST(Reflector, ListsThatFailAreFarBetweenAndWatchesAreNot) {
  const auto longest = [](const Answer& listed, const Answer& failure) {
    World world;
    std::deque<Answer> script;
    if (listed.status != 0) script.push_back(listed);
    script.insert(script.end(), 15, failure);
    world.Play(script);
    const auto& slept = world.clock.slept;
    return *std::max_element(slept.begin(), slept.end());
  };
  EXPECT_EQ(longest(NoConnection(), Refusal(500, "")), 30'000);
  EXPECT_EQ(longest(NoConnection(), Refusal(410, StatusBody(410, "Expired"))), 30'000);
  EXPECT_EQ(longest(Listed({}, 10), Refusal(503, "")), 4'000);
  // A node without rules finds the server soon, once there is one.
  EXPECT_EQ(longest(NoConnection(), NoConnection()), 4'000);
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
  world.resource.limits.objects = 62;
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

}  // namespace
}  // namespace podgate::controller
