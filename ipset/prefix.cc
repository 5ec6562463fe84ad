#include <cassert>

#include "ipset/address.h"
#include "ipset/number.h"
#include "ipset/text.h"

namespace podgate::ipset {
namespace {

constexpr int kMappedBits = 96;  // the length of ::ffff:0:0/96

struct Halves {
  std::string_view address;
  std::string_view length;
};

std::optional<Halves> SplitAtSlash(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return Halves{text.substr(0, slash), text.substr(slash + 1)};
}

Number HostBits(Family family, int length) { return LowBits(BitsOf(family) - length); }

// The address as written, an IPv4-mapped one still as IPv6: its prefix length counts from there.
Address AsWritten(const WrittenAddress& written) {
  if (written.family == Family::kIPv4) return Unmapped(written);
  return Address::FromIPv6(written.bytes);
}

void AddNote(std::string_view what, std::string* note) {
  if (!note->empty()) *note += ", ";
  *note += what;
}

}  // namespace

Prefix::Prefix(const Address& address, int length) : length_(length) {
  assert(length >= 0 && length <= BitsOf(address.family()));
  address_ = AddressOf(address.family(), NumberOf(address) & ~HostBits(address.family(), length));
}

std::optional<Prefix> Prefix::Parse(std::string_view text) {
  const std::optional<Legacy> legacy = ParseLegacy(text);
  if (!legacy || !legacy->note.empty()) return std::nullopt;
  return legacy->prefix;
}

std::optional<Prefix::Legacy> Prefix::ParseLegacy(std::string_view text) {
  const std::optional<Halves> halves = SplitAtSlash(text);
  if (!halves) return std::nullopt;
  const std::optional<WrittenAddress> written = ReadAddress(halves->address, Zeros::kAsDecimal);
  if (!written) return std::nullopt;
  const std::optional<WrittenLength> length =
      ReadLength(halves->length, BitsOf(written->family), Zeros::kAsDecimal);
  if (!length) return std::nullopt;

  const Address address = AsWritten(*written);
  Legacy legacy{Prefix(address, length->bits), ""};
  if (written->odd_zeros || length->odd_zeros) AddNote("leading zeros", &legacy.note);
  if (written->family == Family::kIPv6 && IsIPv4Mapped(written->bytes)) {
    AddNote("IPv4-mapped IPv6", &legacy.note);
  }
  if (legacy.prefix.first() != address) AddNote("host bits set", &legacy.note);
  // From /96 on the masked address is still IPv4-mapped, and Go's IPNet then means IPv4 addresses;
  // a shorter prefix has lost the mark and means IPv6 addresses only.
  if (written->family == Family::kIPv6 && length->bits >= kMappedBits &&
      IsIPv4Mapped(written->bytes)) {
    legacy.prefix = Prefix(Unmapped(*written), length->bits - kMappedBits);
  }
  return legacy;
}

Address Prefix::last() const {
  return AddressOf(family(), NumberOf(address_) | HostBits(family(), length_));
}

bool Prefix::Contains(const Address& address) const {
  return address.family() == family() && Prefix(address, length_).address_ == address_;
}

bool Prefix::Contains(const Prefix& other) const {
  return other.length_ >= length_ && Contains(other.address_);
}

std::string Prefix::ToString() const { return address_.ToString() + "/" + std::to_string(length_); }

}  // namespace podgate::ipset
