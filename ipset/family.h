// The two families of addresses, and what differs between them. Values only; any thread.
#pragma once

#include <cstdint>

namespace podgate::ipset {

enum class Family : std::uint8_t { kIPv4 = 4, kIPv6 = 6 };

// Number of bits in an address of the family: 32 or 128.
constexpr int BitsOf(Family family) { return family == Family::kIPv4 ? 32 : 128; }

}  // namespace podgate::ipset
