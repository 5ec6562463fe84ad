#include "controller/base/histogram.h"

#include <algorithm>

namespace podgate::controller {

void Histogram::Observe(double seconds) {
  const auto* const bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  ++counts_.at(static_cast<std::size_t>(bucket - kBounds.begin()));
  sum_seconds_ += seconds;
}

}  // namespace podgate::controller
