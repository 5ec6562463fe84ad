// A Kernel in memory that refuses what the kernel refuses: references to what is not there,
// duplicates, deletion of what is in use, changed verdicts of existing keys, overlapping intervals,
// full sets, names and comments that are too long, jump loops and depth above 16. A refused step
// changes nothing.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "nft/kernel/kernel.h"
#include "nft/kernel/kernel_parts.h"
#include "nft/model/step.h"

namespace podgate::nft {

class FakeKernel : public Kernel {
 public:
  using Kernel::Read;
  // Tables of different families have different names here.
  Result<std::optional<Ruleset>> Read(TableFamily family, const std::string& table) override;
  Result<bool> Holds(const Ruleset& wanted) override;
  Status Commit(const Step& step) override;
  Status CommitAt(std::uint32_t generation, const Step& step) override;
  Result<std::uint32_t> Generation() override;

  // As Linux 5.10 and 6.1: what lies below the target of a jump is searched for loops when the jump
  // is added, in a rule or in an element of a map that rules look up, whether or not packets reach
  // it. Later kernels search once, at the end of the step, from the base chains.
  bool checks_jumps_at_once = false;

  // Parts that this kernel lacks: rules and counters that need them are refused.
  std::set<KernelPart> missing;

  // Called before each commit; a status that is not ok is returned in its place (fault injection).
  std::function<Status(const Step&)> before_commit;
  // The same before each Read().
  std::function<Status()> before_read;
  // Every step committed so far, for tests that assert what was touched.
  std::vector<Step> committed;

 private:
  std::map<std::string, Ruleset> tables_;
  std::uint32_t generation_ = 1;
};

}  // namespace podgate::nft
