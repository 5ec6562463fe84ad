// Addresses as numbers of up to 128 bits, for what is awkward with bytes: adding, masking, counting
// bits.
//
// Internal to ipset/. An IPv4 address is its 32-bit number, an IPv6 address its 128-bit number.
// Values only; every function is pure and may be called from any thread. (g++'s own 128-bit integer
// is an extension, which -Wpedantic refuses.)
#pragma once

#include <bit>
#include <compare>
#include <cstdint>

namespace podgate::ipset {

struct Number {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr auto operator<=>(const Number&, const Number&) = default;
  friend constexpr bool operator==(const Number&, const Number&) = default;
};

// The lowest `count` bits set, 0..128.
constexpr Number LowBits(int count) {
  const std::uint64_t all = ~std::uint64_t{0};
  if (count <= 0) return {0, 0};
  if (count < 64) return {0, all >> (64 - count)};
  if (count == 64) return {0, all};
  if (count < 128) return {all >> (128 - count), all};
  return {all, all};
}

constexpr Number operator&(Number a, Number b) { return {a.high & b.high, a.low & b.low}; }
constexpr Number operator|(Number a, Number b) { return {a.high | b.high, a.low | b.low}; }
constexpr Number operator~(Number a) { return {~a.high, ~a.low}; }

// Both wrap around at 2^128, as unsigned numbers do.
constexpr Number Plus(Number a, Number b) {
  const std::uint64_t low = a.low + b.low;
  return {a.high + b.high + (low < a.low ? 1 : 0), low};
}
constexpr Number Minus(Number a, Number b) {
  return {a.high - b.high - (a.low < b.low ? 1 : 0), a.low - b.low};
}

// How many of the lowest bits are zero; 128 for zero.
constexpr int TrailingZeros(Number a) {
  return a.low != 0 ? std::countr_zero(a.low) : 64 + std::countr_zero(a.high);
}

// How many bits the number needs; 0 for zero.
constexpr int Width(Number a) {
  return a.high != 0 ? 64 + static_cast<int>(std::bit_width(a.high))
                     : static_cast<int>(std::bit_width(a.low));
}

}  // namespace podgate::ipset
