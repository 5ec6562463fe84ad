#include "nft/codec/userdata.h"

#include <optional>
#include <string_view>

namespace podgate::nft {
namespace {

// User data is a row of entries: type (1 byte), length (1 byte), value. nullopt: no such entry.
std::optional<std::string_view> Find(const void* data, std::uint32_t bytes, std::uint8_t type) {
  std::string_view rest(static_cast<const char*>(data), data == nullptr ? 0 : bytes);
  while (rest.size() >= 2) {
    const auto entry = static_cast<std::uint8_t>(rest[0]);
    const std::size_t length = static_cast<std::uint8_t>(rest[1]);
    rest.remove_prefix(2);
    if (length > rest.size()) break;
    if (entry == type) return rest.substr(0, length);
    rest.remove_prefix(length);
  }
  return std::nullopt;
}

}  // namespace

std::string UserdataText(const void* data, std::uint32_t bytes, std::uint8_t type) {
  std::string_view value = Find(data, bytes, type).value_or(std::string_view());
  return std::string(value.substr(0, value.find('\0')));
}

bool UserdataHas(const void* data, std::uint32_t bytes, std::uint8_t type) {
  return Find(data, bytes, type).has_value();
}

}  // namespace podgate::nft
