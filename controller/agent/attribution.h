// Whom to name when our table was changed: the processes that committed anything since it was last
// seen to be right. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nft/kernel/monitor.h"

namespace podgate::controller {

class Attribution {
 public:
  void Add(const std::vector<nft::Monitor::Transaction>& heard);
  void Clear();
  bool empty() const { return heard_.empty(); }

  // "nft (pid 812)", "nft (pid 812) or kube-proxy (pid 77)", with "or another" when transactions
  // between the two generations were not heard; "unknown" when none was.
  std::string ToString(std::uint32_t generation_before, std::uint32_t generation_now) const;

 private:
  std::vector<nft::Monitor::Transaction> heard_;  // the last of each process, and not too many
  std::uint32_t transactions_ = 0;
};

}  // namespace podgate::controller
