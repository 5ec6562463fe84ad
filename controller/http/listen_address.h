// What `--listen` takes. Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ipset/address.h"

namespace podgate::controller {

struct ListenAddress {
  std::optional<ipset::Address> address;  // nullopt: all of this host, both families
  std::uint16_t port = 0;
  std::string ToString() const;  // as it is given, IPv6 in brackets
};

// "ADDRESS:PORT", "[IPV6]:PORT" or ":PORT", addresses as numbers; "localhost:PORT" is 127.0.0.1.
// Without brackets the last colon of an IPv6 address is taken for the one before the port, because
// a chart that puts a node's address in front of ":PORT" cannot know its family. nullopt: none of
// these.
std::optional<ListenAddress> ParseListenAddress(std::string_view text);

// Only this host's own processes can connect to it.
bool IsLoopback(const ListenAddress& listen);

}  // namespace podgate::controller
