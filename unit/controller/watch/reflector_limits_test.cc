// Nothing that somebody creates in one namespace keeps the others from being followed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit/controller/watch/reflector_world.h"

namespace podgate::controller {
namespace {

std::string PodIn(const std::string& ns, const std::string& name, std::size_t label_bytes) {
  return fmt::format(
      R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{}","namespace":"{}",)"
      R"("labels":{{"l":"{}"}}}},"spec":{{"nodeName":"n"}}}})",
      name, ns, std::string(label_bytes, 'x'));
}
std::string Policy(const std::string& ns, const std::string& name, std::size_t rules) {
  std::string text;
  for (std::size_t i = 0; i < rules; ++i) text += i == 0 ? "{}" : ",{}";
  return fmt::format(
      R"({{"kind":"NetworkPolicy","apiVersion":"networking.k8s.io/v1","metadata":{{"name":"{}",)"
      R"("namespace":"{}"}},"spec":{{"podSelector":{{}},"ingress":[{}]}}}})",
      name, ns, text);
}

TEST(ReflectorLimits, LargePoliciesOfOneNamespaceAllowNothingAndOthersAreFollowed) {
  World world;
  world.resource = kNetworkPolicies;
  world.resource.limits.namespace_bytes = 100'000;
  world.Play(
      {Listed(
           {Event("ADDED", Policy("d", "small", 1)), Event("ADDED", Policy("d", "large", 1200)),
            Event("ADDED", Policy("d", "huge", 100'000)), Event("ADDED", Policy("e", "other", 1))},
           10),
       Stream({Event("MODIFIED", Policy("d", "small", 900)),
               Event("MODIFIED", Policy("e", "other", 2))})});
  EXPECT_EQ(world.sink.there,
            (std::map<std::string, std::string>{
                {"small", "rules"}, {"large", ""}, {"huge", ""}, {"other", "rules"}}));
  EXPECT_EQ(world.sink.Take(), "+small +large +huge +other listed 0large +small +other");
  EXPECT_EQ(world.reflector->counters().lists, 1U);
  EXPECT_EQ(world.logged.find("failed"), std::string::npos) << world.logged;
}

TEST(ReflectorLimits, WhatFitsAgainIsListedWhenTheWatchEnds) {
  World world;
  world.resource = kNetworkPolicies;
  world.resource.limits.namespace_bytes = 100'000;
  const std::string large = Event("ADDED", Policy("d", "large", 1200));
  world.Play({Listed({Event("ADDED", Policy("d", "also", 900)), large}, 10),
              Stream({Event("DELETED", Policy("d", "also", 900))}), Listed({large}, 20)});
  EXPECT_EQ(world.sink.Take(), "+also +large listed -also +large listed");
  EXPECT_EQ(world.sink.there["large"], "rules");
  EXPECT_TRUE(world.IsStreamingList(2));
}

TEST(ReflectorLimits, PoliciesBeyondTheNumberIsolateTheirNamespace) {
  World world;
  world.resource = kNetworkPolicies;
  world.resource.limits.namespace_objects = 2;
  const auto added = [](const char* ns, const char* name) {
    return Event("ADDED", Policy(ns, name, 1));
  };
  world.Play(
      {Listed({added("d", "a"), added("d", "b"), added("d", "c"), added("d", "e"), added("o", "f")},
              10),
       Stream({Event("DELETED", Policy("d", "c", 1))}),
       Listed({added("d", "a"), added("d", "b"), added("o", "f")}, 20)});
  EXPECT_EQ(world.sink.Take(), "+a +b +~more +f listed -c +a +b +f -~more listed");
  EXPECT_NE(world.logged.find("too many objects, those beyond are not followed"),
            std::string::npos);
}

TEST(ReflectorLimits, PodsWithManyLabelsLoseThemAndOthersDoNot) {
  World world;
  world.resource.limits.namespace_bytes = 100'000;
  world.Play({Listed({Event("ADDED", PodIn("d", "a", 10)), Event("ADDED", PodIn("d", "b", 60'000)),
                      Event("ADDED", PodIn("e", "c", 10))},
                     10)});
  EXPECT_EQ(world.sink.there, (std::map<std::string, std::string>{
                                  {"a", "xxxxxxxxxx"}, {"b", ""}, {"c", "xxxxxxxxxx"}}));
}

TEST(ReflectorLimits, ListsInPagesNeverFollowEachOtherWithoutAWatch) {
  World world;
  world.resource = kNetworkPolicies;
  world.resource.limits.namespace_bytes = 100'000;
  const auto page = [](std::size_t rules, const char* version) {
    std::string list = List({Policy("d", "also", rules), Policy("d", "large", 1200)}, version);
    return Page(list.replace(list.find("PodList"), 7, "NetworkPolicyList"));
  };
  // Within the second list another policy shrinks, so the large one fits again.
  world.Play({NoStreamingLists(), page(900, "7"), Refusal(410, ""), page(1, "8"), Stream({}),
              page(1, "9")});
  EXPECT_TRUE(world.IsPage(1) && world.IsWatchFrom(2, "7") && world.IsPage(3));
  EXPECT_TRUE(world.IsWatchFrom(4, "8"));
}

TEST(ReflectorLimits, FinishedPodsHaveNoPartInIt) {
  World world;
  world.resource.limits.namespace_bytes = 100'000;
  const auto pod = [](const char* phase) {
    return fmt::format(R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"job","namespace":)"
                       R"("d","labels":{{"l":"{}"}}}},"spec":{{"nodeName":"n"}},)"
                       R"("status":{{"phase":"{}","podIP":"10.0.0.9"}}}})",
                       std::string(60'000, 'x'), phase);
  };
  world.Play({
      Listed({Event("ADDED", pod("Running"))}, 10),
      Stream({Event("MODIFIED", pod("Succeeded"))}),
  });
  EXPECT_EQ(world.sink.Take(), "+job listed -job");
  World later;
  later.Play({Listed({Event("ADDED", pod("Failed"))}, 10)});
  EXPECT_EQ(later.sink.Take(), "listed");
}

TEST(ReflectorLimits, PodsThatWaitForANodeAreNotKept) {
  World world;
  const std::string waits =
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"w","namespace":"d"}})";
  world.Play({Listed({Event("ADDED", waits), Added("a", 3)}, 10),
              Stream({Event("ADDED", PodIn("d", "w", 1)), Event("MODIFIED", waits)})});
  EXPECT_EQ(world.sink.Take(), "+a listed +w -w");
}

}  // namespace
}  // namespace podgate::controller
