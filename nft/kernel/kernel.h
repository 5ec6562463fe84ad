// The seam between rulesets as values and the kernel that holds them. Two implementations: netlink
// (nft/kernel/netlink.h) and a fake that refuses what the kernel refuses
// (unit/nft/fake/fake_kernel.h).
//
// One thread at a time per object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nft/base/status.h"
#include "nft/model/ruleset.h"
#include "nft/model/step.h"

namespace podgate::nft {

class Kernel {
 public:
  virtual ~Kernel() = default;

  // The table as it is now, of one moment (the dump is taken again if a commit overtakes it);
  // nullopt when there is no such table. A form that Podgate never writes (a foreign rule in our
  // table) becomes a rule that compares unequal to any of ours, so that a difference replaces it.
  Result<std::optional<Ruleset>> Read(const std::string& table) {
    return Read(TableFamily::kInet, table);
  }
  virtual Result<std::optional<Ruleset>> Read(TableFamily family, const std::string& table) = 0;

  // Whether the table is exactly this one for the kernel (SameForKernel()), without the memory that
  // reading it takes: for asking every second. False when there is no table. What others commit
  // during the call may be missed: ask Generation() before it, and again later.
  virtual Result<bool> Holds(const Ruleset& wanted) = 0;

  // Announces that so many steps of one change follow, in order: for implementations that show them
  // to people. The others need not know.
  virtual void BeginChange(std::size_t /*steps*/) {}

  // Sends the step as one batch: all of it happens or nothing. The message names the object that
  // the kernel refused and the reason. What the code tells the caller to do:
  //   kOverrun     it is unknown whether it happened: read back
  //   kBusy        nothing happened; try again, after reading back in case an object is in use
  //   kTooBig      nothing happened; send smaller steps
  //   kStale, kNotFound, kInvalid, kFull, kOther  nothing happened; somebody else changed the
  //                table: read back, take the difference again
  //   kPermission, kUnsupported  nothing happened, and trying again will not help soon
  // Questions (Read, Holds, Generation) fail with kUnavailable when the kernel does not answer, and
  // with kInterrupted when somebody else commits all the time: ask again later.
  virtual Status Commit(const Step& step) = 0;

  // As Commit(), but only if nobody has committed anything since `generation`, kStale otherwise:
  // for a step that was computed from what Read() found. If others commit often, it fails often,
  // and a failure costs the kernel ten milliseconds.
  virtual Status CommitAt(std::uint32_t generation, const Step& step) = 0;

  // The nftables generation of this network namespace: each transaction of anybody adds one.
  virtual Result<std::uint32_t> Generation() = 0;
};

// Applies steps in order; stops at the first that fails. One that is too big for a batch goes in
// parts where no packet can notice it (nft/plan/split.h). `batches`: how many the kernel took, each
// of which moved its generation by one; nullptr: nobody asks.
Status CommitAll(Kernel* kernel, const std::vector<Step>& steps, std::uint32_t* batches = nullptr);
// Only while nobody else commits from `*generation` on; each batch adds one to it.
Status CommitAllAt(std::uint32_t* generation, Kernel* kernel, const std::vector<Step>& steps);

}  // namespace podgate::nft
