// What `--help` of every command prints, and how a wrong command line is answered.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "controller/base/exit_code.h"
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
  EXPECT_EQ(Commands().size(), 7U);
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

}  // namespace
}  // namespace podgate::controller
