// Counts durations by size, as a Prometheus histogram needs them. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace podgate::controller {

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

}  // namespace podgate::controller
