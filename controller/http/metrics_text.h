// Writes metrics as Prometheus reads them (text format 0.0.4), and the histogram that goes with it.
// Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace podgate::controller {

// Of durations, in seconds. One thread.
class Histogram {
 public:
  // Upper bounds of the buckets, from half a millisecond to ten seconds; above is the last bucket.
  static constexpr std::array<double, 14> kBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                  0.1,    0.25,  0.5,    1,     2.5,  5,     10};
  void Observe(double seconds);

  // Of each bucket, not cumulative.
  const std::array<std::uint64_t, kBounds.size() + 1>& counts() const { return counts_; }
  double sum_seconds() const { return sum_seconds_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double sum_seconds_ = 0;
};

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
