// How many packets the policies of this node have denied, and how many its source guard has
// dropped, from the counters of the tables in the kernel. A table may be deleted and restored, or
// rebuilt, and its counters begin at 0 again then: what is told here only grows.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "nft/model/ruleset.h"

namespace podgate::controller {

// A counter that may start over, as one that does not. What it counts between two readings and
// loses by starting over in between is lost.
class GrowingCount {
 public:
  // The total after a reading of `value`.
  std::uint64_t Read(std::uint64_t value) {
    if (value < last_) before_ += last_;
    last_ = value;
    return total();
  }
  std::uint64_t total() const { return before_ + last_; }

 private:
  std::uint64_t before_ = 0;  // what it had whenever it started over
  std::uint64_t last_ = 0;
};

// Any thread.
class DeniedPackets {
 public:
  // The packets of a counter of the table; 0: there is none. nullopt: it cannot be read now.
  using ReadCounter =
      std::function<std::optional<std::uint64_t>(nft::TableFamily, const std::string& name)>;
  explicit DeniedPackets(ReadCounter read) : read_(std::move(read)) {}

  struct Totals {
    std::uint64_t ingress = 0;
    std::uint64_t egress = 0;
    std::uint64_t forged = 0;  // by the source guard, not by a policy
  };
  // Reads the kernel. What cannot be read is what it was before.
  Totals Read();

 private:
  std::mutex mutex_;
  const ReadCounter read_;
  GrowingCount ingress_;
  GrowingCount egress_;
  GrowingCount forged_;
};

}  // namespace podgate::controller
