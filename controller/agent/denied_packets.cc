#include "controller/agent/denied_packets.h"

namespace podgate::controller {

DeniedPackets::Totals DeniedPackets::Read() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto packets = read_("denied-ingress")) ingress_.Read(*packets);
  if (const auto packets = read_("denied-egress")) egress_.Read(*packets);
  return {ingress_.total(), egress_.total()};
}

}  // namespace podgate::controller
