// Text of addresses and prefixes, read as Go reads it: the API server's parsers decide what is
// valid.
//
// Internal to ipset/. Pure; any thread. Time is linear in the text, memory constant.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ipset/family.h"

namespace podgate::ipset {

enum class Zeros {
  kRefuse,     // net/netip: no leading zeros in an octet, at most four digits in a group
  kAsDecimal,  // Go before 1.17 and Kubernetes' "sloppy" parsers: any number of leading zeros,
               // without meaning
};

// An address as it is written, before IPv4-mapped IPv6 becomes IPv4.
struct WrittenAddress {
  Family family = Family::kIPv4;
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 in the first four
  bool odd_zeros = false;  // only with kAsDecimal: kRefuse would have refused the text
};

std::optional<WrittenAddress> ReadAddress(std::string_view text, Zeros zeros);

// Whether a 16-byte address lies in ::ffff:0:0/96.
bool IsIPv4Mapped(const std::array<std::uint8_t, 16>& bytes);

struct WrittenLength {
  int bits = 0;
  bool odd_zeros = false;
};

// The part after the slash: decimal digits only, at most `limit`.
std::optional<WrittenLength> ReadLength(std::string_view text, int limit, Zeros zeros);

std::string WriteIPv4(std::span<const std::uint8_t, 4> bytes);
// RFC 5952: lower case, the first longest run of two or more zero groups compressed, IPv4-mapped
// addresses with a dotted quad.
std::string WriteIPv6(std::span<const std::uint8_t, 16> bytes);

}  // namespace podgate::ipset
