// The parts of rtnetlink messages: what the codecs of this room share. Bytes only; whatever the
// lengths in them say, nothing behind a message's end is read.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "ipset/address.h"

extern "C" {
#include <libmnl/libmnl.h>
}

namespace podgate::controller {

// A request that is acknowledged, still without its fixed part. `buffer` has room for all of it.
inline nlmsghdr* BeginQuestion(std::span<char> buffer, std::uint16_t type, std::uint32_t sequence) {
  std::memset(buffer.data(), 0, buffer.size());
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  message->nlmsg_seq = sequence;
  return message;
}

// Calls `visit(type, attribute)` for each attribute that is whole.
template <typename Visit>
void VisitAll(const char* begin, const char* end, const Visit& visit) {
  const auto* attribute = reinterpret_cast<const nlattr*>(begin);
  for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute))
    visit(mnl_attr_get_type(attribute), attribute);
}

template <typename Visit>
void VisitIn(const nlattr* parent, const Visit& visit) {
  const auto* begin = static_cast<const char*>(mnl_attr_get_payload(parent));
  VisitAll(begin, begin + mnl_attr_get_payload_len(parent), visit);
}

// The fixed part behind the header; nullptr: another type, or the message is too short for it.
template <typename Header>
const Header* HeaderOf(const nlmsghdr* message, std::uint16_t type) {
  if (message->nlmsg_type != type || mnl_nlmsg_get_payload_len(message) < sizeof(Header))
    return nullptr;
  return static_cast<const Header*>(mnl_nlmsg_get_payload(message));
}

template <typename Header, typename Visit>
void VisitMessage(const nlmsghdr* message, const Visit& visit) {
  VisitAll(static_cast<const char*>(mnl_nlmsg_get_payload_offset(message, sizeof(Header))),
           reinterpret_cast<const char*>(message) + message->nlmsg_len, visit);
}

// Up to its first zero, if it has one.
inline std::string TextOf(const nlattr* attribute) {
  const auto* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
  return {text, ::strnlen(text, mnl_attr_get_payload_len(attribute))};
}

// 0: it is of another size.
inline int NumberOf(const nlattr* attribute) {
  std::uint32_t number = 0;
  if (mnl_attr_get_payload_len(attribute) == sizeof number)
    std::memcpy(&number, mnl_attr_get_payload(attribute), sizeof number);
  return static_cast<int>(number);
}

// nullopt: it is of another size than the family's addresses.
inline std::optional<ipset::Address> AddressOf(const nlattr* attribute, ipset::Family family) {
  return ipset::Address::FromBytes(
      family, {static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute)),
               mnl_attr_get_payload_len(attribute)});
}

}  // namespace podgate::controller
