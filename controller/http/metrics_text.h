// Writes metrics as Prometheus reads them (text format 0.0.4). Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "controller/base/histogram.h"

namespace podgate::controller {

class MetricsText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Samples of a metric follow its Begin*(). Counters' names end in "_total".
  void BeginCounter(std::string_view name, std::string_view help) { Begin(name, "counter", help); }
  void BeginGauge(std::string_view name, std::string_view help) { Begin(name, "gauge", help); }
  void Sample(std::uint64_t value, Labels labels = {});
  void Sample(double value, Labels labels = {});
  // A whole metric.
  void Counter(std::string_view name, std::string_view help, std::uint64_t value);
  void Gauge(std::string_view name, std::string_view help, std::uint64_t value);
  void Seconds(std::string_view name, std::string_view help, const Histogram& histogram);

  const std::string& text() const { return text_; }

 private:
  void Begin(std::string_view name, std::string_view type, std::string_view help);
  void Line(std::string_view suffix, Labels labels, std::string_view value);

  std::string name_;
  std::string text_;
};

}  // namespace podgate::controller
