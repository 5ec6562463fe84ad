// A monitor that hears what a test says while it listens.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nft/kernel/monitor.h"

namespace podgate::nft {

class FakeMonitor : public Monitor {
 public:
  void Say(std::uint32_t generation, std::uint32_t process_id, const std::string& process_name) {
    if (listening) heard_.push_back({generation, process_id, process_name});
  }
  std::vector<Transaction> Take() override { return std::exchange(heard_, {}); }
  void Leave() override { listening = false; }
  void Join() override { listening = true; }
  int fd() const override { return -1; }

  bool listening = true;

 private:
  std::vector<Transaction> heard_;
};

}  // namespace podgate::nft
