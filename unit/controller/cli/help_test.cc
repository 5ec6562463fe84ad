// What `--help` of every command prints, how a wrong command line is answered, `version`.
#include <gtest/gtest.h>

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "controller/base/exit_code.h"
#include "controller/base/instance_lock.h"
#include "controller/cli/cli.h"

namespace podgate::controller {
namespace {

class Redirected {
 public:
  Redirected(std::ostream* stream, std::ostream* to)
      : stream_(stream), before_(stream->rdbuf(to->rdbuf())) {}
  ~Redirected() { stream_->rdbuf(before_); }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  std::ostream* stream_;
  std::streambuf* before_;
};

struct Said {
  int code = 0;
  std::string out;
  std::string err;
};

Said Podgate(std::vector<std::string> words) {
  words.insert(words.begin(), "podgate");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  std::ostringstream out;
  std::ostringstream err;
  const Redirected out_redirected(&std::cout, &out);
  const Redirected err_redirected(&std::cerr, &err);
  const int code = Main(static_cast<int>(arguments.size()), arguments.data());
  return {code, out.str(), err.str()};
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// As the help of the program itself lists them; "" is that help.
std::vector<std::string> Commands() {
  std::vector<std::string> commands{""};
  bool list = false;
  for (const std::string& line : Lines(Podgate({"--help"}).out)) {
    if (list && line.starts_with("  ") && line[2] != ' ')
      commands.push_back(line.substr(2, line.find(' ', 2) - 2));
    list = list || line == "Subcommands:";
  }
  return commands;
}

std::string HelpOf(const std::string& command) {
  const Said said = command.empty() ? Podgate({"--help"}) : Podgate({command, "--help"});
  EXPECT_EQ(said.code, kExitOk) << command;
  return said.out;
}

TEST(Help, IsPrintableText) {
  EXPECT_EQ(Commands().size(), 8U);
  for (const std::string& command : Commands()) {
    for (const char c : HelpOf(command))
      EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << command << ": " << int{c};
  }
  // Nor what is said about a wrong value, which the help's text of the option is part of.
  for (const char* option : {"--log-level", "--log-format"}) {
    const Said said = Podgate({"run", option, "nope"});
    EXPECT_EQ(said.code, kExitUsage);
    EXPECT_NE(said.err.find("nope"), std::string::npos) << said.err;
    for (const char c : said.err)
      EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << said.err;
  }
}

TEST(Help, DescriptionsAreShort) {
  constexpr std::size_t kDescriptionColumn = 30;  // of CLI11's layout
  for (const std::string& command : Commands()) {
    for (const std::string& line : Lines(HelpOf(command))) {
      if (!line.starts_with("  ") || line.size() <= kDescriptionColumn) continue;
      if (line[kDescriptionColumn - 1] != ' ') continue;  // an option's name and type alone
      EXPECT_LE(line.size() - kDescriptionColumn, 60U) << command << ": " << line;
    }
  }
}

TEST(Help, NamesTheChoicesOfAnOption) {
  const std::string help = HelpOf("run");
  for (const char* choices : {"{text,json}", "{debug,info,warning,error}", "{allow,enforce}",
                              "{drop,reject}", "{cut,keep}", "{set,check}"})
    EXPECT_NE(help.find(choices), std::string::npos) << choices << "\n" << help;
}

TEST(Help, NamesTheExitCodes) {
  for (const std::string& command : Commands())
    EXPECT_NE(HelpOf(command).find("\nExit codes: 0 "), std::string::npos) << command;
}

TEST(Help, IsACommandToo) {
  EXPECT_EQ(Podgate({"help"}).code, kExitOk);
  EXPECT_EQ(Podgate({"help"}).out, HelpOf(""));
  for (const std::string& command : Commands()) {
    if (command.empty()) continue;
    const Said said = Podgate({"help", command});
    EXPECT_EQ(said.code, kExitOk) << command;
    EXPECT_EQ(said.out, HelpOf(command)) << command;
  }
}

TEST(CommandLine, AWrongWordIsAnsweredWithTheNearOne) {
  const std::pair<std::vector<std::string>, const char*> wrong[] = {
      {{"exlpain"}, "unknown command \"exlpain\"; did you mean explain?"},
      {{"dryrun", "-f", "x"}, "unknown command \"dryrun\"; did you mean dry-run?"},
      {{"matrix"}, "unknown command \"matrix\"; see podgate help"},
      {{"help", "exlpain"}, "unknown command \"exlpain\"; did you mean explain?"},
      {{"help", "--", "--x"}, "unknown command \"--x\"; see podgate help"},
      {{"help", "--", "-"}, "unknown command \"-\"; see podgate help"},
      {{}, "a command is needed; see podgate help"},
      {{"--hlp"}, "unknown option \"--hlp\"; did you mean --help?"},
      {{"dry-run", "-n", "n1", "-f", "x"}, "unknown option \"-n\"; did you mean --node?"},
      {{"dry-run", "-n", "n1"}, "unknown option \"-n\"; did you mean --node?"},
      {{"dry-run", "-f", "x", "--nod=n1"}, "unknown option \"--nod\"; did you mean --node?"},
      {{"dry-run", "-f", "x", "-node", "n1"}, "unknown option \"-node\"; did you mean --node?"},
      {{"dry-run", "--filenme", "x"}, "unknown option \"--filenme\"; did you mean --filename?"},
      {{"dry-run", "-f", "x", "--zzz"}, "unknown option \"--zzz\"; see podgate help dry-run"},
      {{"dry-run", "-f", "x", "n1"}, "unexpected argument \"n1\"; see podgate help dry-run"},
      {{"dry-run"}, "--filename is required; see podgate help dry-run"},
      {{"explain", "-f", "x", "--probes", "p", "a/b", "c/d:80"},
       "--probes: cannot be given together with FROM and TO; see podgate help explain"},
  };
  for (const auto& [words, sentence] : wrong) {
    const Said said = Podgate(words);
    EXPECT_EQ(said.code, kExitUsage) << sentence;
    EXPECT_EQ(said.err, std::string("podgate: ") + sentence + "\n");
    EXPECT_EQ(said.out, "");
  }
}

TEST(CommandLine, Version) {
  const std::string text = Podgate({"version"}).out;
  EXPECT_TRUE(text.starts_with("podgate ")) << text;
  for (const char* same : {"-v", "--version"}) EXPECT_EQ(Podgate({same}).out, text);
  EXPECT_EQ(Podgate({"version", "-o", "text"}).out, text);
  const std::string number = text.substr(8, text.size() - 9);
  const auto json = nlohmann::json::parse(Podgate({"version", "-o", "json"}).out);
  EXPECT_EQ(json["version"], number);
  EXPECT_EQ(json["kind"], "Version");
  EXPECT_TRUE(json["platform"].get<std::string>().starts_with("linux/"));
  const std::vector<std::string> yaml = Lines(Podgate({"version", "-o", "yaml"}).out);
  ASSERT_EQ(yaml.size(), json.size());
  EXPECT_EQ(yaml[2], "version: \"" + number + "\"");
  EXPECT_EQ(Podgate({"version", "-o", "xml"}).code, kExitUsage);
}

// In a network namespace of its own: the lock's name belongs to one.
TEST(CommandLine, ASecondAgentNamesTheFirst) {
  std::string said;
  int code = -1;
  bool own = false;
  std::thread([&] {
    own = ::unshare(CLONE_NEWNET) == 0;
    if (!own) return;
    InstanceLock first("podgate", "node n1, pod kube-system/podgate-x");
    ASSERT_EQ(first.Take(std::chrono::milliseconds(0)), InstanceLock::Outcome::kTaken);
    first.Answer();
    testing::internal::CaptureStderr();
    code = Podgate({"run", "--node", "n2", "--kubeconfig", "/dev/null"}).code;
    said = testing::internal::GetCapturedStderr();
  }).join();
  if (!own) GTEST_SKIP() << "network namespaces need CAP_SYS_ADMIN";
  EXPECT_EQ(code, kExitUsage);
  EXPECT_EQ(said, "podgate: another agent (pid " + std::to_string(::getpid()) +
                      ", node n1, pod kube-system/podgate-x) enforces the policies in this network "
                      "namespace; stop it before you start a second one\n");
}

}  // namespace
}  // namespace podgate::controller
