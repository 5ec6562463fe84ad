#include "controller/http/metrics_text.h"

#include <fmt/format.h>

#include <cmath>

namespace podgate::controller {
namespace {

std::string Escape(std::string_view text, bool quotes) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '\\' || (quotes && c == '"')) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

void MetricsText::Begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, Escape(help, false), name, type);
}

void MetricsText::Line(std::string_view suffix, Labels labels, std::string_view value) {
  text_ += name_;
  text_ += suffix;
  char before = '{';
  for (const auto& [label, text] : labels) {
    text_ += fmt::format("{}{}=\"{}\"", before, label, Escape(text, true));
    before = ',';
  }
  if (before == ',') text_ += '}';
  text_ += fmt::format(" {}\n", value);
}

void MetricsText::Sample(std::uint64_t value, Labels labels) {
  Line("", labels, std::to_string(value));
}

void MetricsText::Sample(double value, Labels labels) { Line("", labels, Number(value)); }

void MetricsText::Counter(std::string_view name, std::string_view help, std::uint64_t value) {
  BeginCounter(name, help);
  Sample(value);
}

void MetricsText::Gauge(std::string_view name, std::string_view help, std::uint64_t value) {
  BeginGauge(name, help);
  Sample(value);
}

void MetricsText::Seconds(std::string_view name, std::string_view help,
                          const Histogram& histogram) {
  Begin(name, "histogram", help);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
    total += histogram.counts().at(i);
    const bool last = i == Histogram::kBounds.size();
    Line("_bucket", {{"le", last ? "+Inf" : Number(Histogram::kBounds.at(i))}},
         std::to_string(total));
  }
  Line("_sum", {}, Number(histogram.sum_seconds()));
  Line("_count", {}, std::to_string(total));
}

}  // namespace podgate::controller
