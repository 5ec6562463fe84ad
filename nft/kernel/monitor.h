// Hears of each nftables transaction in a network namespace, by anybody and to any table, with the
// name of the process. Events may be missed (those of others during an own commit, and all when too
// many come at once), so the generation (nft/kernel/kernel.h) is what tells whether something
// happened; this only tells it sooner, and who it was.
//
// A listener costs: while anybody listens, the kernel describes every object of each transaction,
// which more than doubles the time of large ones, even if the descriptions are thrown away unread
// as they are here. So the agent leaves the group for its own commits (MonitorAway).
//
// One thread at a time; another may wait for fd() to become readable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nft/base/status.h"

namespace podgate::nft {

class Monitor {
 public:
  struct Transaction {
    std::uint32_t generation = 0;  // that it led to
    // As the initial PID namespace counts; 0 and empty where the kernel does not say.
    std::uint32_t process_id = 0;
    std::string process_name;  // its first 15 bytes
  };

  virtual ~Monitor() = default;

  // What was heard since the last call, in order; no more than the last 64.
  virtual std::vector<Transaction> Take() = 0;

  // From Leave() to Join() nothing is heard, and commits cost what they cost without a listener.
  virtual void Leave() = 0;
  virtual void Join() = 0;

  // Readable when Take() has something to return; -1 when there is nothing to wait on.
  virtual int fd() const = 0;
};

// In the network namespace of the calling thread, and joined. Needs CAP_NET_ADMIN there.
Result<std::unique_ptr<Monitor>> OpenMonitor();

// The monitor has left the group for as long as this lives. The monitor may be nullptr.
class MonitorAway {
 public:
  explicit MonitorAway(Monitor* monitor) : monitor_(monitor) {
    if (monitor_ != nullptr) monitor_->Leave();
  }
  ~MonitorAway() {
    if (monitor_ != nullptr) monitor_->Join();
  }
  MonitorAway(const MonitorAway&) = delete;
  MonitorAway& operator=(const MonitorAway&) = delete;

 private:
  Monitor* monitor_;
};

}  // namespace podgate::nft
