// The C library's reading of addresses: an oracle for Address::Parse that shares no code with it.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "ipset/address.h"

namespace podgate::ipset {

// What inet_pton says, with IPv4-mapped addresses as IPv4.
inline std::optional<Address> ReadByCLibrary(const std::string& text) {
  if (text.find('\0') != std::string::npos)
    return std::nullopt;  // C would see only the part before
  std::array<std::uint8_t, 4> v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) {
    return Address::FromBytes(Family::kIPv4, v4);
  }
  std::array<std::uint8_t, 16> v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) != 1) return std::nullopt;
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), v6.begin())) {
    return Address::FromBytes(Family::kIPv4, std::span(v6).last(4));
  }
  return Address::FromIPv6(v6);
}

}  // namespace podgate::ipset
