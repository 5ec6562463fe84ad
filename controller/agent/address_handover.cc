#include "controller/agent/address_handover.h"

#include <algorithm>
#include <utility>

namespace podgate::controller {

std::vector<compiler::Address> AddressHandover::Follow(const compiler::Pipeline& pipeline) {
  std::vector<compiler::Address> changed;
  if (seen_ == pipeline.local_changes()) return changed;
  const bool learning = !std::exchange(seen_, pipeline.local_changes()).has_value();
  Owners now;
  for (const compiler::Pipeline::LocalPod& pod : pipeline.LocalPods(kMaxPods))
    for (const compiler::Address& address : pod.addresses)
      now[address].insert(pod.uid.empty() ? pod.key.ToString() : pod.uid);
  if (!learning) {
    for (const auto& [address, before] : owners_) {
      const auto after = now.find(address);
      // Somebody new has it, or nobody.
      if (after == now.end() ||
          !std::includes(before.begin(), before.end(), after->second.begin(), after->second.end()))
        changed.push_back(address);
    }
  }
  owners_ = std::move(now);
  return changed;
}

}  // namespace podgate::controller
