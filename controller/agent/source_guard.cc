#include "controller/agent/source_guard.h"

#include <algorithm>
#include <utility>

#include "compiler/codegen/link_guard.h"
#include "nft/model/change.h"

namespace podgate::controller {

SourceGuard::SourceGuard(std::string node, nft::Kernel* kernel, Clock* clock, Logger* log,
                         EventSink* events)
    : node_(std::move(node)),
      wanted_(compiler::LinkGuard(node_, {})),
      applier_(&wanted_, kernel, nullptr, clock, log, events) {}

void SourceGuard::Follow(const std::vector<compiler::LinkOwner>& owners) {
  links_ = owners.size();
  nft::Ruleset next = compiler::LinkGuard(node_, owners);
  const nft::Change change = nft::Between(wanted_, next);
  wanted_ = std::move(next);
  // Before Linux 6.16 a device takes its chain along when it goes, and what goes is mostly why a
  // chain is not wanted any more.
  if (std::any_of(change.chains.begin(), change.chains.end(),
                  [](const auto& chain) { return !chain.second.after; })) {
    applier_.Doubt();
  }
  applier_.Changed(change);
}

}  // namespace podgate::controller
