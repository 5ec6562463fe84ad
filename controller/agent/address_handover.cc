#include "controller/agent/address_handover.h"

#include <algorithm>
#include <utility>

namespace podgate::controller {

AddressHandover::Told AddressHandover::Follow(const compiler::Pipeline& pipeline) {
  Told told;
  if (seen_ == pipeline.local_changes()) return told;
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
        told.changed.push_back(address);
    }
    for (const auto& [address, after] : now) {
      const auto before = owners_.find(address);
      if (before == owners_.end() ||
          !std::includes(before->second.begin(), before->second.end(), after.begin(), after.end()))
        told.taken.push_back(address);
    }
  }
  owners_ = std::move(now);
  return told;
}

}  // namespace podgate::controller
