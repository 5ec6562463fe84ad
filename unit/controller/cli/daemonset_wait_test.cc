// Waiting ends with the last node, lives through errors, and ends at the timeout with what is
// missing.
#include "controller/cli/daemonset_wait.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/base/exit_code.h"
#include "unit/controller/base/fake_clock.h"
#include "unit/controller/transport/fake_transport.h"

namespace podgate::controller {
namespace {

std::string DaemonSet(int generation, int observed, int wanted, int ready) {
  return fmt::format(
      R"({{"kind":"DaemonSet","metadata":{{"name":"d","generation":{}}},)"
      R"("status":{{"observedGeneration":{},"desiredNumberScheduled":{},"numberReady":{}}}}})",
      generation, observed, wanted, ready);
}

Answer With(int status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.pieces = {std::move(body)};
  return answer;
}

Answer Status200(std::string body) { return With(200, std::move(body)); }

Answer Broken() {
  Answer answer;
  answer.status = 0;
  answer.end = HttpError::kConnect;
  return answer;
}

struct Fixture {
  FakeClock clock;
  FakeTransport transport{&clock};
  std::ostringstream err;
  int Wait(int seconds) {
    DaemonSetWait wait = *ParseDaemonSetName("kube-system/podgate-cleanup");
    wait.timeout = std::chrono::seconds(seconds);
    return AwaitDaemonSet(wait, &transport, &clock, err);
  }
};

TEST(DaemonSetWait, EndsWithTheLastNode) {
  Fixture f;
  f.transport.script = {With(403, "{}"),
                        Broken(),
                        Status200(R"({"kind":"DaemonSet","metadata":{"generation":1}})"),
                        Status200(DaemonSet(1, 0, 0, 0)),
                        Status200(DaemonSet(1, 1, 3, 2)),
                        Status200("garbage"),
                        Status200(DaemonSet(1, 1, 3, 3)),
                        Status200(DaemonSet(1, 1, 3, 0))};
  f.transport.split = 7;
  EXPECT_EQ(f.Wait(60), kExitOk) << f.err.str();
  EXPECT_EQ(f.err.str(), "");
  EXPECT_EQ(f.transport.script.size(), 1U);  // the last answer was not asked for
  EXPECT_EQ(f.transport.targets.front(),
            "/apis/apps/v1/namespaces/kube-system/daemonsets/podgate-cleanup");
}

TEST(DaemonSetWait, NoNodesAreDoneAtOnce) {
  Fixture f;
  f.transport.script = {Status200(DaemonSet(1, 1, 0, 0))};
  EXPECT_EQ(f.Wait(1), kExitOk);
}

TEST(DaemonSetWait, AnOldStatusCountsForNothing) {
  EXPECT_FALSE(ReadProgress(DaemonSet(2, 1, 3, 3))->done());
  EXPECT_TRUE(ReadProgress(DaemonSet(2, 2, 3, 3))->done());
}

TEST(DaemonSetWait, SaysWhatIsMissingAtTheEnd) {
  const struct {
    Answer answer;
    std::string says;
  } kCases[] = {
      {Status200(DaemonSet(1, 1, 3, 2)), "its pods are ready on 2 of 3 nodes"},
      {Status200(DaemonSet(1, 0, 0, 0)), "the DaemonSet controller has not processed it yet"},
      {Status200(R"({"kind":"Status"})"), "the answer of the API server is not a DaemonSet"},
      {Status200(std::string(2u << 20, ' ')), "the API server cannot be reached"},
      {With(404, "{}"), "the API server answers with status 404"},
      {Broken(), "the API server cannot be reached: broke"},
  };
  for (const auto& c : kCases) {
    Fixture f;
    f.transport.script.assign(100, c.answer);
    EXPECT_EQ(f.Wait(5), kExitNegative) << c.says;
    EXPECT_EQ(f.transport.script.size(), 89U) << c.says;  // asked twice a second
    EXPECT_EQ(f.err.str().rfind("podgate: DaemonSet kube-system/podgate-cleanup is not ready after "
                                "5 s: " +
                                    c.says,
                                0),
              0U)
        << f.err.str();
  }
}

TEST(DaemonSetWait, NamesAreCheckedBeforeTheyAreAskedFor) {
  for (const char* wrong : {"", "a", "/a", "a/", "a/b/c", "A/b", "a/b?x", "a/../b", "a b/c"}) {
    EXPECT_FALSE(ParseDaemonSetName(wrong)) << wrong;
  }
}

TEST(DaemonSetWait, GarbageIsNoDaemonSet) {
  for (const char* text :
       {"", "[]", "{", "null", R"({"kind":1})", R"({"kind":"DaemonSet"})",
        R"({"kind":"DaemonSet","metadata":[]})", R"({"kind":"DaemonSetList","metadata":{}})"}) {
    EXPECT_FALSE(ReadProgress(text)) << text;
  }
  const auto odd = ReadProgress(
      R"({"kind":"DaemonSet","metadata":{"generation":"1"},"status":{"numberReady":"3"}})");
  ASSERT_TRUE(odd);
  EXPECT_FALSE(odd->done());
}

}  // namespace
}  // namespace podgate::controller
