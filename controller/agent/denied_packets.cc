#include "controller/agent/denied_packets.h"

#include "compiler/codegen/link_guard.h"

namespace podgate::controller {

DeniedPackets::Totals DeniedPackets::Read() {
  using enum nft::TableFamily;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto packets = read_(kInet, "denied-ingress")) ingress_.Read(*packets);
  if (const auto packets = read_(kInet, "denied-egress")) egress_.Read(*packets);
  if (const auto packets = read_(kNetdev, std::string(compiler::kForgedCounter)))
    forged_.Read(*packets);
  return {ingress_.total(), egress_.total(), forged_.total()};
}

}  // namespace podgate::controller
