// The parts of the kernel that Podgate's rules need and that a kernel may lack: each is an option
// of its own and mostly a module, which the kernel loads by itself where the file is there.
//
// One thread at a time per Kernel.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nft/base/status.h"
#include "nft/kernel/kernel.h"

namespace podgate::nft {

enum class KernelPart : std::uint8_t {
  kTables,     // all rules
  kConntrack,  // ct state
  kCounter,    // counters with names
  kReference,  // rules that count by them
  kLimit,      // limit rate
  kLog,        // log group
  kReject,     // reject
};

struct KernelPartNames {
  std::string_view option;  // of the kernel's configuration, with CONFIG_
  std::string_view module;  // one name, or several with "and"
};
KernelPartNames NamesOf(KernelPart part);

// "the kernel has no nft_limit (CONFIG_NFT_LIMIT)".
std::string DescribeMissing(KernelPart part);

// Without it denied packets are not logged, and all else works.
bool OnlyForLogging(KernelPart part);

// The part that an expression of a rule is; `name` as the kernel spells it. nullptr: none of these.
const KernelPart* PartOfExpression(std::string_view name);

// The parts that the kernel lacks, without `reject` unless it is asked for; in the order above.
// Nothing is changed: each question is a transaction that the kernel refuses in any case. The
// kernel tries to load what is missing. An error: it cannot be told.
Result<std::vector<KernelPart>> FindMissingParts(Kernel* kernel, bool reject);

}  // namespace podgate::nft
