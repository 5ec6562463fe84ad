#include "controller/cli/usage.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <vector>

#include "compiler/model/spelling.h"
#include "compiler/model/syntax.h"

namespace podgate::controller {
namespace {

std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> LongOptionsOf(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// "-n" may mean every option that begins with its letter; a long one those that are spelt like it.
std::vector<std::string> MeantOptions(const CLI::App& command, const std::string& option) {
  const std::vector<std::string> known = LongOptionsOf(command);
  if (option.starts_with("--")) return compiler::NearSpellings(option, known);
  // kubectl's and curl's one dash before a whole word.
  if (option.size() > 2) return compiler::NearSpellings("-" + option, known);
  std::vector<std::string> meant;
  for (const std::string& name : known) {
    if (option.size() == 2 && name[2] == option[1] && meant.size() < 3) meant.push_back(name);
  }
  return meant;
}

bool IsOption(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

// By the code: the error is called as the command it comes from.
bool IsAboutExtras(const CLI::ParseError& error) {
  return error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
}

std::string HelpOf(const CLI::App& command) {
  return "see podgate help" + (command.get_parent() == nullptr ? "" : " " + command.get_name());
}

std::string UnknownOption(const CLI::App& command, const std::string& word) {
  const std::string option = word.substr(0, word.find('='));
  const std::string meant = compiler::DidYouMean(MeantOptions(command, option));
  return "unknown option " + compiler::Quote(option) +
         (meant.empty() ? "; " + HelpOf(command) : meant);
}

}  // namespace

const CLI::App* FindCommand(const CLI::App& app, const std::string& word) {
  const std::vector<const CLI::App*> known = app.get_subcommands(nullptr);
  const auto found = std::find_if(known.begin(), known.end(), [&](const CLI::App* command) {
    return command->get_name() == word;
  });
  return found == known.end() ? nullptr : *found;
}

bool IsUnknownCommand(const CLI::App& app, const std::string& word) {
  return !word.empty() && word.front() != '-' && FindCommand(app, word) == nullptr;
}

std::string UnknownCommand(const CLI::App& app, const std::string& word) {
  const std::string meant = compiler::DidYouMean(compiler::NearSpellings(word, CommandsOf(app)));
  return "unknown command " + compiler::Quote(word) +
         (meant.empty() ? "; see podgate help" : meant);
}

std::string UsageProblem(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  // An unknown option is the better explanation of one that is missing.
  const std::vector<std::string> extras = app.remaining(true);
  const auto option = std::find_if(extras.begin(), extras.end(),
                                   [](const std::string& word) { return IsOption(word); });
  if (option != extras.end()) return UnknownOption(command, *option);
  if (!extras.empty() && IsAboutExtras(error)) {
    return "unexpected argument " + compiler::Quote(extras.front()) + "; " + HelpOf(command);
  }
  if (&command == &app) return "a command is needed; see podgate help";
  return error.what() + ("; " + HelpOf(command));
}

}  // namespace podgate::controller
