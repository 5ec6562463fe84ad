// What an API server says of a Node, and how often it is asked.
#include "controller/node/node_lookup.h"

#include <gtest/gtest.h>

#include <string>

#include "controller/node/node_object.h"
#include "unit/controller/transport/fake_transport.h"

namespace podgate::controller {
namespace {

using State = NodeObject::State;
using std::chrono::minutes;
using std::chrono::seconds;

nft::Addresses At(const char* address) { return {*ipset::Address::Parse(address)}; }

std::string NodeJson(const std::string& name, const std::string& addresses) {
  return R"({"kind":"Node","apiVersion":"v1","metadata":{"name":")" + name +
         R"(","annotations":{"a":"b"}},"spec":{"podCIDR":"10.244.1.0/24"},"status":{"addresses":[)" +
         addresses + R"(],"images":[{"names":["a","b"],"sizeBytes":1}]}})";
}

constexpr const char* kNotFound =
    R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
    R"("message":"nodes \"n1\" not found","reason":"NotFound",)"
    R"("details":{"name":"n1","kind":"nodes"},"code":404})";

TEST(NodeObject, AddressesOfTheNode) {
  const NodeObject node = ReadNodeObject(
      "n1", 200,
      NodeJson(
          "n1",
          R"({"type":"Hostname","address":"n1"},{"type":"InternalIP","address":"10.0.0.2"},)"
          R"({"type":"ExternalIP","address":"10.0.0.1"},{"type":"ExternalDNS","address":"10.0.0.9"},)"
          R"({"type":"InternalIP","address":"10.0.0.2"},{"type":"InternalIP","address":"x"},7)"));
  EXPECT_EQ(node.state, State::kFound);
  EXPECT_EQ(node.addresses, (nft::Addresses{*ipset::Address::Parse("10.0.0.1"),
                                            *ipset::Address::Parse("10.0.0.2")}));
}

TEST(NodeObject, OnlyWhatIsSaidOfThisNodeCounts) {
  const auto state = [](int status, const std::string& body) {
    return ReadNodeObject("n1", status, body).state;
  };
  EXPECT_EQ(state(200, NodeJson("n1", "")), State::kFound);
  EXPECT_EQ(state(200, NodeJson("n2", "")), State::kUnknown);
  EXPECT_EQ(state(200, R"({"kind":"Pod","metadata":{"name":"n1"}})"), State::kUnknown);
  for (const char* body : {"", "[]", "null", "{", "7", R"({"kind":"Node","metadata":["n1"]})"})
    EXPECT_EQ(state(200, body), State::kUnknown) << body;

  EXPECT_EQ(state(404, kNotFound), State::kAbsent);
  EXPECT_EQ(
      state(404, R"({"kind":"Status","reason":"NotFound","message":"nodes \"n1\" not found"})"),
      State::kAbsent);
  EXPECT_EQ(state(404, R"({"kind":"Status","reason":"NotFound","details":{"name":"n1"}})"),
            State::kAbsent);
  EXPECT_EQ(
      state(404, R"({"kind":"Status","reason":"NotFound","message":"nodes \"n12\" not found"})"),
      State::kUnknown);
  EXPECT_EQ(state(404, R"({"kind":"Status","reason":"NotFound",)"
                       R"("message":"the server could not find the requested resource"})"),
            State::kUnknown);
  EXPECT_EQ(state(404, "404 page not found"), State::kUnknown);
  for (const int status : {0, 301, 401, 403, 410, 429, 500, 503})
    EXPECT_EQ(state(status, kNotFound), State::kUnknown) << status;
}

TEST(NodeObject, NamesAreEncoded) {
  EXPECT_EQ(NodeTarget("worker-1.example.test"), "/api/v1/nodes/worker-1.example.test");
  EXPECT_EQ(NodeTarget("../pods?a=b %\xff"), "/api/v1/nodes/..%2Fpods%3Fa%3Db%20%25%FF");
}

struct World {
  FakeClock clock;
  FakeTransport transport{&clock};
  RequestLimiter limiter{&clock};
  int found = 0;
  nft::Result<nft::Addresses> machine = At("10.0.0.1");
  NodeLookup lookup{
      "n1", &transport, &limiter, &clock, [this] { return machine; }, [this] { ++found; }};

  void Look(int status, const std::string& body, HttpError end = HttpError::kNone) {
    Answer answer;
    answer.status = status;
    answer.pieces = {body};
    answer.end = end;
    transport.script = {answer};
    lookup.Look();
  }
  Clock::Duration Pause() { return lookup.NextLook() - clock.Now(); }
};

TEST(NodeLookup, TellsWhatItFound) {
  World world;
  EXPECT_EQ(world.lookup.report().answers, 0u);
  world.Look(200, NodeJson("n1", R"({"type":"InternalIP","address":"10.0.0.1"})"));
  EXPECT_EQ(world.found, 1);
  EXPECT_EQ(world.transport.targets.back(), "/api/v1/nodes/n1");
  EXPECT_EQ(world.lookup.report().object, (NodeObject{State::kFound, At("10.0.0.1")}));
  EXPECT_EQ(world.lookup.report().machine, At("10.0.0.1"));
  EXPECT_EQ(world.Pause(), minutes(10));
}

TEST(NodeLookup, AsksSoonerWhileTheAnswerStopsTheAgent) {
  World world;
  world.Look(404, kNotFound);
  world.lookup.SetUrgent(true);
  EXPECT_EQ(world.Pause(), seconds(1));
  for (const int pause : {2, 4, 8, 16, 32, 60, 60}) {
    world.Look(404, kNotFound);
    EXPECT_EQ(world.Pause(), seconds(pause));
  }
  world.Look(200, NodeJson("n1", ""));
  world.lookup.SetUrgent(false);
  EXPECT_EQ(world.Pause(), minutes(10));
}

TEST(NodeLookup, KeepsTheLastAnswerWhileTheServerFails) {
  World world;
  world.Look(503, "");
  EXPECT_EQ(world.lookup.report().answers, 1u);  // the loop waits no longer
  EXPECT_EQ(world.Pause(), seconds(1));
  world.Look(200, NodeJson("n1", R"({"type":"InternalIP","address":"10.0.0.1"})"));
  world.machine = nft::Status(nft::Status::Code::kOther, "no");
  for (const HttpError end : {HttpError::kTimeout, HttpError::kConnect, HttpError::kClosed}) {
    world.Look(end == HttpError::kClosed ? 200 : 0, "{", end);
    EXPECT_EQ(world.lookup.report().object, (NodeObject{State::kFound, At("10.0.0.1")}));
    EXPECT_TRUE(world.lookup.report().machine.empty());
  }
  // A right that was taken away is an answer.
  world.Look(403, "{}");
  EXPECT_EQ(world.lookup.report().object.state, State::kUnknown);
}

TEST(NodeLookup, AnEndlessAnswerIsNone) {
  World world;
  world.Look(200, std::string(3u << 20, ' '));
  EXPECT_EQ(world.lookup.report().object.state, State::kUnknown);
  EXPECT_EQ(world.Pause(), seconds(1));
}

}  // namespace
}  // namespace podgate::controller
