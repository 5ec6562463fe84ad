#include "ipset/address.h"

#include <algorithm>
#include <cstddef>

#include "ipset/number.h"
#include "ipset/text.h"

namespace podgate::ipset {
namespace {

constexpr std::size_t BytesOf(Family family) { return family == Family::kIPv4 ? 4 : 16; }

}  // namespace

Number NumberOf(const Address& address) {
  Number number;
  for (const std::uint8_t byte : address.bytes()) {
    number.high = number.high << 8 | number.low >> 56;
    number.low = number.low << 8 | byte;
  }
  return number;
}

Address AddressOf(Family family, Number number) {
  if (family == Family::kIPv4) return Address::FromIPv4(static_cast<std::uint32_t>(number.low));
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(number.high >> (56 - 8 * i));
    bytes[i + 8] = static_cast<std::uint8_t>(number.low >> (56 - 8 * i));
  }
  return Address::FromIPv6(bytes);
}

Address Address::FromIPv4(std::uint32_t host_order) {
  Address address;
  for (std::size_t i = 0; i < 4; ++i) {
    address.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  }
  return address;
}

Address Address::FromIPv6(const std::array<std::uint8_t, 16>& network_order) {
  Address address;
  address.family_ = Family::kIPv6;
  address.bytes_ = network_order;
  return address;
}

std::optional<Address> Address::FromBytes(Family family,
                                          std::span<const std::uint8_t> network_order) {
  if (network_order.size() != BytesOf(family)) return std::nullopt;
  Address address;
  address.family_ = family;
  std::copy(network_order.begin(), network_order.end(), address.bytes_.begin());
  return address;
}

std::optional<Address> Address::Parse(std::string_view text) {
  const std::optional<WrittenAddress> written = ReadAddress(text, Zeros::kRefuse);
  if (!written) return std::nullopt;
  return Unmapped(*written);
}

Address Unmapped(const WrittenAddress& written) {
  const std::span<const std::uint8_t, 16> bytes(written.bytes);
  if (written.family == Family::kIPv4) return *Address::FromBytes(Family::kIPv4, bytes.first<4>());
  if (IsIPv4Mapped(written.bytes)) return *Address::FromBytes(Family::kIPv4, bytes.last<4>());
  return Address::FromIPv6(written.bytes);
}

Address Address::First(Family family) { return AddressOf(family, Number{}); }

Address Address::Last(Family family) { return AddressOf(family, LowBits(BitsOf(family))); }

std::span<const std::uint8_t> Address::bytes() const {
  return std::span<const std::uint8_t>(bytes_).first(BytesOf(family_));
}

std::optional<Address> Address::Next() const {
  if (*this == Last(family_)) return std::nullopt;
  return AddressOf(family_, Plus(NumberOf(*this), Number{0, 1}));
}

std::optional<Address> Address::Previous() const {
  if (*this == First(family_)) return std::nullopt;
  return AddressOf(family_, Minus(NumberOf(*this), Number{0, 1}));
}

std::string Address::ToString() const {
  const std::span<const std::uint8_t, 16> all(bytes_);
  return family_ == Family::kIPv4 ? WriteIPv4(all.first<4>()) : WriteIPv6(all);
}

}  // namespace podgate::ipset
