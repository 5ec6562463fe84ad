// Freezes what the agent logs: people filter and alert on the messages.
#include "controller/base/log_messages.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace podgate::controller {
namespace {

const std::string kController = std::string(PODGATE_SOURCE_DIR) + "/controller";

std::string Read(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Name and text of each, in the order of the header.
std::vector<std::pair<std::string, std::string>> Declared() {
  const std::string header = Read(kController + "/base/log_messages.h");
  std::vector<std::pair<std::string, std::string>> messages;
  re2::StringPiece left(header);
  std::string name;
  std::string text;
  while (RE2::FindAndConsume(&left, "LogMessage (k\\w+)\\{\\s*\"([^\"]*)\"\\}", &name, &text))
    messages.emplace_back(name, text);
  return messages;
}

TEST(LogMessages, AreFrozen) {
  // After a change that is meant: PODGATE_UPDATE_GOLDENS=1, then look through what greps for them.
  std::string actual;
  for (const auto& [name, text] : Declared()) actual += text + "\n";
  const std::string path = std::string(PODGATE_UNIT_DIR) + "/base/log_messages.txt";
  if (std::getenv("PODGATE_UPDATE_GOLDENS") != nullptr) std::ofstream(path) << actual;
  EXPECT_EQ(actual, Read(path));
}

TEST(LogMessages, AreAlikeInForm) {
  EXPECT_EQ(LogMessages::kPoliciesEnforced.text(), "policies are enforced");
  std::set<std::string> texts;
  for (const auto& [name, text] : Declared()) {
    EXPECT_TRUE(RE2::FullMatch(text, "[a-z][a-z0-9 :,-]*[a-z0-9]")) << text;
    EXPECT_LE(text.size(), 80U) << text;
    EXPECT_TRUE(texts.insert(text).second) << "twice: " << text;
  }
  EXPECT_GT(texts.size(), 30U);
}

TEST(LogMessages, AreAllLogged) {
  std::map<std::string, int> uses;
  for (const auto& [name, text] : Declared()) uses[name] = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kController)) {
    if (entry.path().extension() != ".cc") continue;
    const std::string source = Read(entry.path());
    re2::StringPiece left(source);
    std::string used;
    while (RE2::FindAndConsume(&left, "LogMessages::(k\\w+)", &used)) ++uses[used];
  }
  for (const auto& [name, count] : uses) EXPECT_GT(count, 0) << name << " is logged nowhere";
}

}  // namespace
}  // namespace podgate::controller
