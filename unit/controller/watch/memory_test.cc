// How much a long line and a long page take while they grow: as much as was sent, not three times
// that. Peaks of resident memory, as the kernel counts them; sanitizers need more.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "controller/watch/line_splitter.h"
#include "controller/watch/reflector.h"
#include "unit/controller/transport/fake_transport.h"

namespace podgate::controller {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

class Peak {
 public:
  Peak() {
    std::ofstream("/proc/self/clear_refs") << "5";
    before_ = Kilobytes();
  }
  long GrownMegabytes() const { return (Kilobytes() - before_) / 1024; }

 private:
  static long Kilobytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      long kilobytes = 0;
      if (std::sscanf(line.c_str(), "VmHWM: %ld kB", &kilobytes) == 1) return kilobytes;
    }
    return 0;
  }
  long before_ = 0;
};

const std::string kPiece(16 * 1024, ' ');

TEST(Memory, ALongLineTakesItsOwnSize) {
  constexpr std::size_t kLimit = 24u << 20;
  const Peak peak;
  LineSplitter lines(kLimit);
  std::size_t longest = 0;
  const auto line = [&longest](std::string_view text) {
    longest = text.size();
    return true;
  };
  std::size_t fed = 0;
  lines.Feed("x", line);
  for (; fed + kPiece.size() < kLimit; fed += kPiece.size()) {
    ASSERT_EQ(lines.Feed(kPiece, line), LineSplitter::FeedResult::kMore);
  }
  ASSERT_EQ(lines.Feed("\n", line), LineSplitter::FeedResult::kMore);
  EXPECT_EQ(longest, fed + 1);
  if (!kSanitized) {
    EXPECT_LE(peak.GrownMegabytes(), 26);
  }
}

class Nobody : public MessageSink {
 public:
  bool Put(Message) override { return true; }
};

TEST(Memory, ALongPageTakesItsOwnSize) {
  FakeClock clock;
  FakeTransport transport(&clock);
  RequestLimiter limiter(&clock);
  limiter.NoStreamingLists();
  Logger log(Logger::Format::kText, LogLevel::kError, [](std::string_view) {});
  Nobody nobody;
  Reflector reflector(kPods, &transport, &limiter, &clock, &log, &nobody);
  Answer page;
  const std::string pod =
      R"({"metadata":{"namespace":"n","name":"p","annotations":{"a":")" + kPiece + R"("}}})";
  page.pieces = {R"({"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[)" + pod};
  page.pieces.resize((31u << 20) / pod.size(), "," + pod);
  page.pieces.emplace_back("]}");
  transport.script.push_back(std::move(page));
  const Peak peak;
  reflector.Run();
  EXPECT_EQ(reflector.counters().lists, 1U);
  if (!kSanitized) {
    EXPECT_LE(peak.GrownMegabytes(), 33);
  }
}

}  // namespace
}  // namespace podgate::controller
