// What else in this node's netfilter decides about pods' packets: chains of other policy enforcers,
// at work or left behind, and forward chains that drop what nothing accepts. Packets that the
// policies allow may be dropped there; none that they deny passes because of them. So they are told
// and do not make the agent unready.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "nft/kernel/chain_list.h"

namespace podgate::controller {

// A sentence for each enforcer and for each forward chain that drops, in the chains' order; at most
// kMostOtherRules. `own_table`: Podgate's, of family inet. Pure.
inline constexpr std::size_t kMostOtherRules = 8;
std::vector<std::string> OtherRules(const std::vector<nft::ListedChain>& chains,
                                    const std::string& own_table);

// Looks at the start and once a minute, on a thread of its own: a node may have ten thousand
// chains.
class OtherRulesWatch {
 public:
  static constexpr std::chrono::minutes kLookEvery{1};

  using List = std::function<nft::Result<std::vector<nft::ListedChain>>()>;
  OtherRulesWatch(List list, std::string own_table, Logger* log)
      : list_(std::move(list)), own_table_(std::move(own_table)), log_(log) {}

  // The watch's thread: until Stop(), which may be called from any thread.
  void Run();
  void Stop();

  // One look. For Run() and for tests.
  void Look();
  // As of the last look. Any thread.
  std::vector<std::string> found() const;

 private:
  const List list_;
  const std::string own_table_;
  Logger* const log_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool stopped_ = false;
  std::vector<std::string> found_;
};

}  // namespace podgate::controller
