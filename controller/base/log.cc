#include "controller/base/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

namespace podgate::controller {
namespace {

const char* Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      break;
  }
  return "error";
}

// A JSON string; bytes that are not UTF-8 become U+FFFD, so that a line stays readable by machines.
std::string Quote(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool IsBare(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
}

std::string Timestamp(std::chrono::system_clock::time_point now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), milliseconds);
}

void WriteToStandardError(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads the log any more: the agent goes on
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Logger::Logger(Format format, LogLevel level, std::function<void(std::string_view)> write,
               Clock now)
    : format_(format),
      level_(level),
      write_(write ? std::move(write) : WriteToStandardError),
      now_(now ? std::move(now) : [] { return std::chrono::system_clock::now(); }) {}

void Logger::Debug(LogMessage message, LogFields fields) {
  if (!Enabled(LogLevel::kDebug)) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  Write(LogLevel::kDebug, message, fields, 0);
}

void Logger::Info(LogMessage message, LogFields fields, CallSite site) {
  Limited(LogLevel::kInfo, message, fields, site);
}

void Logger::Warn(LogMessage message, LogFields fields, CallSite site) {
  Limited(LogLevel::kWarning, message, fields, site);
}

void Logger::Error(LogMessage message, LogFields fields, CallSite site) {
  Limited(LogLevel::kError, message, fields, site);
}

void Logger::LogAbout(std::string_view ns, LogLevel level, LogMessage message, LogFields fields) {
  if (!Enabled(level)) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  std::pair<std::string_view, std::string> key{message.text(), ns};
  if (about_.size() >= kNamespaces && !about_.contains(key)) {
    // Who has been silent for as long as its lines take to come back has nothing to be remembered
    // for.
    const auto now = now_();
    std::erase_if(about_, [&](const auto& item) {
      return std::chrono::duration<double>(now - item.second.filled).count() >=
             kNamespace.burst * kNamespace.seconds_per_line;
    });
    if (about_.size() >= kNamespaces) key.second.clear();
  }
  const auto [it, fresh] = about_.try_emplace(std::move(key));
  WriteWithin(&it->second, kNamespace, fresh, level, message, fields);
}

void Logger::Limited(LogLevel level, LogMessage message, LogFields fields, CallSite site) {
  if (!Enabled(level)) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [it, fresh] = budgets_.try_emplace({site.file, site.line});
  WriteWithin(&it->second, kCallSite, fresh, level, message, fields);
}

void Logger::WriteWithin(Budget* budget, const Rate& rate, bool fresh, LogLevel level,
                         LogMessage message, LogFields fields) {
  const auto now = now_();
  const double seconds = std::chrono::duration<double>(now - budget->filled).count();
  budget->lines =
      fresh ? rate.burst
            : std::min(rate.burst, budget->lines + std::max(0.0, seconds) / rate.seconds_per_line);
  budget->filled = now;
  if (budget->lines < 1) {
    ++budget->suppressed;
    return;
  }
  budget->lines -= 1;
  Write(level, message, fields, std::exchange(budget->suppressed, 0));
}

void Logger::Write(LogLevel level, LogMessage message, LogFields fields, std::uint64_t suppressed) {
  std::string line;
  if (format_ == Format::kJson) {
    line = fmt::format(R"({{"time":"{}","level":"{}","msg":{})", Timestamp(now_()), Name(level),
                       Quote(message.text()));
    for (const LogField& field : fields) {
      line +=
          fmt::format(",{}:{}", Quote(field.key), field.quoted ? Quote(field.value) : field.value);
    }
    if (suppressed > 0) line += fmt::format(R"(,"suppressed":{})", suppressed);
    line += "}\n";
  } else {
    line = fmt::format("{} {} {}", Timestamp(now_()), Name(level), message.text());
    for (const LogField& field : fields) {
      const bool bare = !field.quoted || IsBare(field.value);
      line += fmt::format(" {}={}", field.key, bare ? field.value : Quote(field.value));
    }
    if (suppressed > 0) line += fmt::format(" suppressed={}", suppressed);
    line += "\n";
  }
  write_(line);
}

}  // namespace podgate::controller
