// One address type for both families, and prefixes of it.
//
// Values are immutable and comparable: every IPv4 address sorts before every IPv6 address, and
// within a family addresses sort numerically. All functions are pure and may be called from any
// thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ipset/family.h"

namespace podgate::ipset {

class Address {
 public:
  Address() = default;  // 0.0.0.0
  // `host_order`: 10.0.0.1 is 0x0a000001.
  static Address FromIPv4(std::uint32_t host_order);
  // The bytes as they are: an address inside ::ffff:0:0/96 stays an IPv6 one here (only text is
  // read as Go reads it), so that ranges of IPv6 addresses have no hole.
  static Address FromIPv6(const std::array<std::uint8_t, 16>& network_order);
  // `network_order` holds 4 or 16 bytes, as the family says; anything else is nullopt.
  static std::optional<Address> FromBytes(Family family,
                                          std::span<const std::uint8_t> network_order);
  // Strict text forms: a dotted quad without leading zeros; RFC 4291 text without a zone. An
  // IPv4-mapped IPv6 address ("::ffff:10.0.0.1") is the IPv4 address, as in Go's net.IP.
  static std::optional<Address> Parse(std::string_view text);
  static Address First(Family family);  // 0.0.0.0 or ::
  static Address Last(Family family);   // 255.255.255.255 or ffff:…:ffff

  Family family() const { return family_; }
  // 4 or 16 bytes in network order; valid as long as this object.
  std::span<const std::uint8_t> bytes() const;
  // The next and the previous address; nullopt at the family's end.
  std::optional<Address> Next() const;
  std::optional<Address> Previous() const;
  // RFC 5952 text.
  std::string ToString() const;

  friend auto operator<=>(const Address&, const Address&) = default;
  friend bool operator==(const Address&, const Address&) = default;

 private:
  Family family_ = Family::kIPv4;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4 in the first four, the rest zero
};

// Internal to ipset/: the address as a number (ipset/number.h) and back, and from how it is written
// (ipset/text.h; IPv4-mapped IPv6 becomes IPv4).
struct Number;
struct WrittenAddress;
Number NumberOf(const Address& address);
Address AddressOf(Family family, Number number);
Address Unmapped(const WrittenAddress& written);

class Prefix {
 public:
  Prefix() = default;  // 0.0.0.0/0
  // Masks the host bits off. `length` is in bits, 0..BitsOf(family).
  Prefix(const Address& address, int length);
  // Strict: what a Kubernetes 1.36 API server accepts in a new ipBlock: no host bits set, no
  // leading zeros, no IPv4-mapped IPv6. (IPv6 in capitals or not shortened is accepted there too.)
  static std::optional<Prefix> Parse(std::string_view text);
  // What any API server ever accepted and kept: host bits set, leading zeros (read as decimal),
  // IPv4-mapped IPv6 (from /96 on an IPv4 prefix). `note` then says what was odd; empty when Parse
  // would have accepted it.
  struct Legacy;
  static std::optional<Legacy> ParseLegacy(std::string_view text);
  static Prefix Whole(Family family) { return Prefix(Address::First(family), 0); }

  Family family() const { return address_.family(); }
  const Address& first() const { return address_; }
  Address last() const;
  int length() const { return length_; }
  bool Contains(const Address& address) const;
  bool Contains(const Prefix& other) const;
  std::string ToString() const;

  friend auto operator<=>(const Prefix&, const Prefix&) = default;
  friend bool operator==(const Prefix&, const Prefix&) = default;

 private:
  Address address_;
  int length_ = 0;
};

struct Prefix::Legacy {
  Prefix prefix;
  std::string note;
};

}  // namespace podgate::ipset
