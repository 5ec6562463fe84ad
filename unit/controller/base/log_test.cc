#include "controller/base/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace podgate::controller {
namespace {

struct Lines {
  std::string text;
  std::chrono::system_clock::time_point now{std::chrono::milliseconds(1'000'000'000'042)};
  Logger Make(Logger::Format format, LogLevel level = LogLevel::kDebug) {
    return Logger(
        format, level, [this](std::string_view line) { text += line; }, [this] { return now; });
  }
};

TEST(Log, Text) {
  Lines lines;
  Logger log = lines.Make(Logger::Format::kText);
  log.Info(LogMessages::kObjectsListed, {{"kind", "pods"}, {"objects", 12}, {"ok", true}});
  log.Warn(LogMessages::kPolicyWarning,
           {{"empty", ""}, {"path", "/a b=\"c\"\n"}, {"bytes", "\xff"}});
  EXPECT_EQ(lines.text,
            "2001-09-09T01:46:40.042Z info objects listed kind=pods objects=12 ok=true\n"
            "2001-09-09T01:46:40.042Z warning policy warning empty=\"\" path=\"/a b=\\\"c\\\"\\n\" "
            "bytes=\"\xef\xbf\xbd\"\n");
}

TEST(Log, JsonStaysReadableByMachines) {
  Lines lines;
  Logger log = lines.Make(Logger::Format::kJson);
  log.Error(LogMessages::kApplyFailed,
            {{"n", -3}, {"text", std::string("\0\x1f\xc3", 3)}, {"no", false}});
  EXPECT_EQ(lines.text,
            "{\"time\":\"2001-09-09T01:46:40.042Z\",\"level\":\"error\",\"msg\":\"cannot apply the "
            "ruleset, retrying\",\"n\":-3,"
            "\"text\":\"\\u0000\\u001f\xef\xbf\xbd\",\"no\":false}\n");
  EXPECT_TRUE(nlohmann::json::accept(lines.text));
}

TEST(Log, LevelsBelowAreLeftOut) {
  Lines lines;
  Logger log = lines.Make(Logger::Format::kText, LogLevel::kWarning);
  log.Debug(LogMessages::kChangeApplied);
  log.Info(LogMessages::kServing);
  log.LogAbout("d", LogLevel::kInfo, LogMessages::kServing);
  EXPECT_EQ(lines.text, "");
  EXPECT_FALSE(log.Enabled(LogLevel::kInfo));
  EXPECT_TRUE(log.Enabled(LogLevel::kError));
}

TEST(Log, ACallSiteThatRepeatsItselfIsLimited) {
  Lines lines;
  Logger log = lines.Make(Logger::Format::kText);
  const auto count = [&lines] { return std::count(lines.text.begin(), lines.text.end(), '\n'); };
  const auto repeat = [&log](int times) {
    for (int i = 0; i < times; ++i) log.Warn(LogMessages::kNotListening);
  };
  repeat(1000);
  EXPECT_EQ(count(), 20);
  log.Warn(LogMessages::kNotListening);
  EXPECT_EQ(count(), 21);
  lines.now += std::chrono::seconds(3);
  lines.text.clear();
  repeat(2);
  EXPECT_EQ(lines.text,
            "2001-09-09T01:46:43.042Z warning cannot listen for probes and "
            "metrics, retrying, enforcement is not affected suppressed=980\n");
}

TEST(Log, NobodysObjectsHideOthers) {
  Lines lines;
  Logger log = lines.Make(Logger::Format::kText);
  const auto about = [&](const std::string& ns, int times) {
    lines.text.clear();
    for (int i = 0; i < times; ++i)
      log.LogAbout(ns, LogLevel::kWarning, LogMessages::kPolicyWarning);
    return std::count(lines.text.begin(), lines.text.end(), '\n');
  };
  EXPECT_EQ(about("hostile", 1000), 50);
  EXPECT_EQ(about("victim", 40), 40);
  lines.now += std::chrono::seconds(30);
  EXPECT_EQ(about("hostile", 5), 1);
  EXPECT_NE(lines.text.find("suppressed=950"), std::string::npos) << lines.text;
  log.LogAbout("hostile", LogLevel::kWarning, LogMessages::kPodUnreadable);
  EXPECT_NE(lines.text.find("pod cannot be read"), std::string::npos) << "another message";
  // Whoever makes namespaces without end: the first have their own budgets, the rest share one.
  std::ptrdiff_t written = 0;
  for (int i = 0; i < 2000; ++i) written += about(std::to_string(i), 2);
  EXPECT_LT(written, 2 * 1024 + 100);
  EXPECT_GT(written, 2 * 1000);
  // Half an hour later nobody remembers those.
  lines.now += std::chrono::minutes(30);
  written = 0;
  for (int i = 5000; i < 5100; ++i) written += about(std::to_string(i), 2);
  EXPECT_EQ(written, 200);
}

}  // namespace
}  // namespace podgate::controller
