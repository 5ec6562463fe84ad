// Where the fields that rules look at lie in packets, in which registers nft puts concatenated
// ones, and the kernel's numbers for hooks. Internal to nft/. Offsets and lengths in bytes.
#pragma once

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cstdint>

#include "nft/model/ruleset.h"

namespace podgate::nft {

inline constexpr std::uint32_t kDestinationPortOffset = 2;  // TCP, UDP and SCTP alike
inline constexpr std::uint32_t kPortBytes = 2;
inline constexpr std::uint32_t kHopLimitOffset = 7;  // IPv6
inline constexpr std::uint32_t kIcmpTypeOffset = 0;

// Neighbour discovery (RFC 4861): router solicitation to redirect, never forwarded.
inline constexpr std::uint8_t kOnLinkHopLimit = 255;
inline constexpr std::uint8_t kFirstNeighbourType = 133;
inline constexpr std::uint8_t kLastNeighbourType = 137;

// Bits of `ct state`, in the host's byte order.
inline constexpr std::uint32_t kCtEstablished = 1u << 1;
inline constexpr std::uint32_t kCtRelated = 1u << 2;

// The uid that no process has, (uid_t)-1, in the host's byte order.
inline constexpr std::uint32_t kNoUser = 0xffffffff;

inline constexpr std::uint32_t HookNumber(Hook hook) {
  switch (hook) {
    case Hook::kForward:
      return NF_INET_FORWARD;
    case Hook::kInput:
      return NF_INET_LOCAL_IN;
    case Hook::kOutput:
      return NF_INET_LOCAL_OUT;
    case Hook::kIngress:
      return NF_NETDEV_INGRESS;
  }
  return NF_INET_FORWARD;
}

inline constexpr std::uint32_t FamilyNumber(TableFamily family) {
  return family == TableFamily::kInet ? NFPROTO_INET : NFPROTO_NETDEV;
}

inline constexpr std::uint32_t HeaderNumber(MatchBytes::Header header) {
  switch (header) {
    case MatchBytes::Header::kLink:
      return NFT_PAYLOAD_LL_HEADER;
    case MatchBytes::Header::kNetwork:
      return NFT_PAYLOAD_NETWORK_HEADER;
    case MatchBytes::Header::kTransport:
      return NFT_PAYLOAD_TRANSPORT_HEADER;
  }
  return NFT_PAYLOAD_LL_HEADER;
}

inline constexpr std::uint32_t AddressBytes(Family family) {
  return family == Family::kIPv4 ? 4 : 16;
}
inline constexpr std::uint32_t AddressOffset(Side side, Family family) {
  if (family == Family::kIPv4) return side == Side::kSource ? 12 : 16;
  return side == Side::kSource ? 8 : 24;
}

// The register that starts at the 32-bit word: a whole 16-byte register where one starts there.
inline constexpr std::uint32_t RegisterOfWord(std::uint32_t word) {
  return word % 4 == 0 ? NFT_REG_1 + word / 4 : NFT_REG32_00 + word;
}

}  // namespace podgate::nft
