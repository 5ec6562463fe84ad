// Flows for tests.
#pragma once

#include <linux/netfilter/nf_conntrack_common.h>

#include <cstdint>

#include "nft/conntrack/flow.h"

namespace podgate::nft {

inline ipset::Address At(const char* text) { return ipset::Address::Parse(text).value(); }

// Established, without NAT, from port 50000.
inline Flow PlainFlow(const char* source, const char* destination, std::uint8_t protocol,
                      std::uint16_t port) {
  Flow flow;
  flow.protocol = protocol;
  flow.original = {At(source), At(destination), 50000, port};
  flow.reply = {At(destination), At(source), port, 50000};
  flow.status = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED;
  flow.timeout_seconds = 600;
  return flow;
}

inline Flow EchoFlow(const char* source, const char* destination) {
  Flow flow = PlainFlow(source, destination, kIcmp, 0);
  flow.original = {At(source), At(destination), 0, 0, 8, 0, 77};
  flow.reply = {At(destination), At(source)};
  return flow;
}

}  // namespace podgate::nft
