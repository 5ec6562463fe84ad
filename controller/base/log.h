// The agent's log: one line for each event on standard error, as text or as JSON, a message
// (log_messages.h) and key=value fields. A call site that repeats itself is limited: 20 lines, then
// one every 3 seconds, and the next line says how many were left out. What is said of objects is
// limited for each namespace instead: who fills the log with theirs hides nobody else's. Debug
// lines are not limited.
//
// Any thread. Secrets are never given to it: no function here is called with a token or a key.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "controller/base/log_messages.h"

namespace podgate::controller {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

// One key=value of a line. Texts are quoted and escaped as needed, numbers and booleans are not.
struct LogField {
  LogField(std::string_view name, std::string_view text) : key(name), value(text), quoted(true) {}
  LogField(std::string_view name, const char* text) : LogField(name, std::string_view(text)) {}
  LogField(std::string_view name, const std::string& text)
      : LogField(name, std::string_view(text)) {}
  LogField(std::string_view name, bool truth) : key(name), value(truth ? "true" : "false") {}
  template <std::integral Number>
  LogField(std::string_view name, Number number) : key(name), value(std::to_string(number)) {}

  std::string_view key;
  std::string value;
  bool quoted = false;
};
using LogFields = std::initializer_list<LogField>;

// A place in the source: that of the call, when Current() stands in a default argument. (clang 14
// has no std::source_location with this standard library.)
struct CallSite {
  const char* file;
  std::uint32_t line;
  static constexpr CallSite Current(const char* file = __builtin_FILE(),
                                    std::uint32_t line = __builtin_LINE()) {
    return {file, line};
  }
};

class Logger {
 public:
  enum class Format : std::uint8_t { kText, kJson };
  using Clock = std::function<std::chrono::system_clock::time_point()>;
  // `write` gets each whole line with its newline, one at a time. Without it lines go to standard
  // error.
  explicit Logger(Format format = Format::kText, LogLevel level = LogLevel::kInfo,
                  std::function<void(std::string_view)> write = {}, Clock now = {});

  void Debug(LogMessage message, LogFields fields = {});
  void Info(LogMessage message, LogFields fields = {}, CallSite site = CallSite::Current());
  void Warn(LogMessage message, LogFields fields = {}, CallSite site = CallSite::Current());
  void Error(LogMessage message, LogFields fields = {}, CallSite site = CallSite::Current());
  // About an object in a namespace (empty: in none): 50 lines of one message for each namespace,
  // then one every 30 seconds.
  void LogAbout(std::string_view ns, LogLevel level, LogMessage message, LogFields fields = {});

  bool Enabled(LogLevel level) const { return level >= level_; }

 private:
  struct Budget {  // a token bucket
    double lines = 0;
    std::chrono::system_clock::time_point filled{};
    std::uint64_t suppressed = 0;
  };
  struct Rate {
    double burst;
    double seconds_per_line;
  };
  static constexpr Rate kCallSite{20, 3};
  static constexpr Rate kNamespace{50, 30};
  // Namespaces that have a budget of their own; those beyond share one.
  static constexpr std::size_t kNamespaces = 1024;

  void Limited(LogLevel level, LogMessage message, LogFields fields, CallSite site);
  void WriteWithin(Budget* budget, const Rate& rate, bool fresh, LogLevel level, LogMessage message,
                   LogFields fields);
  void Write(LogLevel level, LogMessage message, LogFields fields, std::uint64_t suppressed);

  const Format format_;
  const LogLevel level_;
  const std::function<void(std::string_view)> write_;
  const Clock now_;
  std::mutex mutex_;  // guards budgets_ and the order of lines
  std::map<std::pair<std::string_view, std::uint32_t>, Budget> budgets_;  // by file and line
  std::map<std::pair<std::string_view, std::string>, Budget> about_;  // by message and namespace
};

}  // namespace podgate::controller
