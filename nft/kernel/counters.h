// The values of a table's named counters, for whoever shows them. The rules do not depend on them,
// so they are no part of what is read and compared.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "nft/base/status.h"
#include "nft/model/ruleset.h"

namespace podgate::nft {

class NetlinkClient;

struct CounterValue {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  friend auto operator<=>(const CounterValue&, const CounterValue&) = default;
};

// Keeps one socket from its first to its last reading: for each netfilter socket that is closed the
// kernel holds everybody's commits up by an RCU grace period. One thread at a time.
class CounterReader {
 public:
  // In the network namespace of the calling thread.
  static Result<std::unique_ptr<CounterReader>> Open();
  explicit CounterReader(std::unique_ptr<NetlinkClient> client);
  ~CounterReader();

  // The counter `name` of the table; nullopt: there is no such counter or table.
  Result<std::optional<CounterValue>> Read(const std::string& table, const std::string& name,
                                           TableFamily family = TableFamily::kInet);

 private:
  std::unique_ptr<NetlinkClient> client_;
};

}  // namespace podgate::nft
