// What is said about a command line that is wrong: one sentence, with the word that was meant if it
// is near. Pure.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace podgate::controller {

// The command of that name; nullptr: there is none.
const CLI::App* FindCommand(const CLI::App& app, const std::string& word);

// Whether the first word is meant as a command and is none.
bool IsUnknownCommand(const CLI::App& app, const std::string& word);
std::string UnknownCommand(const CLI::App& app, const std::string& word);

// After app.parse() has thrown `error`.
std::string UsageProblem(const CLI::App& app, const CLI::ParseError& error);

}  // namespace podgate::controller
