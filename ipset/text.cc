#include "ipset/text.h"

#include <algorithm>
#include <cstddef>

namespace podgate::ipset {
namespace {

constexpr int kGroups = 8;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Digits {
  std::uint32_t value = 0;
  std::size_t count = 0;  // characters read, leading zeros included
};

// The digits at the start of `text` as a number of at most `limit`; nullopt without a digit or
// above the limit. Stops early above the limit, so that no length of text overflows the value.
std::optional<Digits> ReadDigits(std::string_view text, std::uint32_t base, std::uint32_t limit) {
  Digits digits;
  for (const char c : text) {
    const int digit = HexDigit(c);
    if (digit < 0 || static_cast<std::uint32_t>(digit) >= base) break;
    digits.value = digits.value * base + static_cast<std::uint32_t>(digit);
    if (digits.value > limit) return std::nullopt;
    ++digits.count;
  }
  if (digits.count == 0) return std::nullopt;
  return digits;
}

// A dotted quad into out[0..3]; false when it is none.
bool ReadQuad(std::string_view text, Zeros zeros, std::uint8_t* out, bool* odd_zeros) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) {
      if (text.empty() || text.front() != '.') return false;
      text.remove_prefix(1);
    }
    const std::optional<Digits> octet = ReadDigits(text, 10, 255);
    if (!octet) return false;
    if (octet->count > 1 && text.front() == '0') {
      if (zeros == Zeros::kRefuse) return false;
      *odd_zeros = true;
    }
    text.remove_prefix(octet->count);
    out[i] = static_cast<std::uint8_t>(octet->value);
  }
  return text.empty();
}

// Groups are read in order; what stood after "::" is moved to the end once its length is known.
std::optional<WrittenAddress> ReadGroups(std::string_view text, Zeros zeros) {
  WrittenAddress address;
  address.family = Family::kIPv6;
  auto& bytes = address.bytes;
  std::size_t filled = 0;
  std::optional<std::size_t> gap;  // where "::" stands
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty() || !gap) {
    if (filled == bytes.size()) return std::nullopt;
    const std::optional<Digits> group = ReadDigits(text, 16, 0xffff);
    // The octets of a dotted quad are hexadecimal digits too: only the dot tells the two apart.
    if (group && text.substr(group->count).starts_with('.')) {
      if (filled + 4 > bytes.size() || (!gap && filled != bytes.size() - 4)) return std::nullopt;
      if (!ReadQuad(text, zeros, &bytes[filled], &address.odd_zeros)) return std::nullopt;
      filled += 4;
      break;
    }
    if (!group) return std::nullopt;
    if (group->count > 4) {
      if (zeros == Zeros::kRefuse) return std::nullopt;
      address.odd_zeros = true;
    }
    bytes[filled++] = static_cast<std::uint8_t>(group->value >> 8);
    bytes[filled++] = static_cast<std::uint8_t>(group->value & 0xff);
    text.remove_prefix(group->count);
    if (text.empty()) break;
    if (text.front() != ':' || text.size() == 1) return std::nullopt;
    text.remove_prefix(1);
    if (text.front() == ':') {
      if (gap) return std::nullopt;
      gap = filled;
      text.remove_prefix(1);
    }
  }
  if (!gap) return filled == bytes.size() ? std::optional(address) : std::nullopt;
  if (filled == bytes.size()) return std::nullopt;  // "::" stands for at least one group
  std::array<std::uint8_t, 16> spread{};
  std::copy_n(bytes.begin(), *gap, spread.begin());
  std::copy_backward(bytes.data() + *gap, bytes.data() + filled, spread.data() + spread.size());
  bytes = spread;
  return address;
}

void AppendDecimal(std::uint32_t value, std::string* out) { *out += std::to_string(value); }

void AppendHex(std::uint32_t value, std::string* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  bool started = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const std::uint32_t digit = (value >> shift) & 0xf;
    started = started || digit != 0 || shift == 0;
    if (started) *out += kDigits[digit];
  }
}

}  // namespace

std::optional<WrittenAddress> ReadAddress(std::string_view text, Zeros zeros) {
  WrittenAddress address;
  if (ReadQuad(text, zeros, address.bytes.data(), &address.odd_zeros)) return address;
  return ReadGroups(text, zeros);
}

bool IsIPv4Mapped(const std::array<std::uint8_t, 16>& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t b) { return b == 0; }) &&
         bytes[10] == 0xff && bytes[11] == 0xff;
}

std::optional<WrittenLength> ReadLength(std::string_view text, int limit, Zeros zeros) {
  const std::optional<Digits> digits = ReadDigits(text, 10, static_cast<std::uint32_t>(limit));
  if (!digits || digits->count != text.size()) return std::nullopt;
  const bool odd = digits->count > 1 && text.front() == '0';
  if (odd && zeros == Zeros::kRefuse) return std::nullopt;
  return WrittenLength{static_cast<int>(digits->value), odd};
}

std::string WriteIPv4(std::span<const std::uint8_t, 4> bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out += '.';
    AppendDecimal(bytes[i], &out);
  }
  return out;
}

std::string WriteIPv6(std::span<const std::uint8_t, 16> bytes) {
  std::array<std::uint8_t, 16> copy{};
  std::copy(bytes.begin(), bytes.end(), copy.begin());
  if (IsIPv4Mapped(copy)) return "::ffff:" + WriteIPv4(bytes.last<4>());

  std::array<std::uint32_t, kGroups> groups{};
  for (std::size_t i = 0; i < kGroups; ++i) {
    groups[i] = static_cast<std::uint32_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  int gap = kGroups;  // first group and number of groups of the run to compress
  int gap_length = 1;
  for (int i = 0; i < kGroups; ++i) {
    int length = 0;
    while (i + length < kGroups && groups[static_cast<std::size_t>(i + length)] == 0) ++length;
    if (length > gap_length) {
      gap = i;
      gap_length = length;
    }
    if (length > 0) i += length - 1;
  }
  std::string out;
  for (int i = 0; i < kGroups; ++i) {
    if (i == gap) {
      out += "::";
      i += gap_length - 1;
      continue;
    }
    if (i > 0 && out.back() != ':') out += ':';
    AppendHex(groups[static_cast<std::size_t>(i)], &out);
  }
  return out;
}

}  // namespace podgate::ipset
