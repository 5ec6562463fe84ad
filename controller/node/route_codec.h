// Questions about routes and links as rtnetlink has them, and their answers. Bytes and values only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "controller/node/attachment.h"
#include "ipset/address.h"

struct nlmsghdr;

namespace podgate::controller {

// Room that each question needs.
inline constexpr std::size_t kQuestionBytes = 128;
using QuestionBuffer = std::span<char, kQuestionBytes>;

// Which route leads to the address. `whole`: the route itself, not what the kernel made of it for
// this address; a route over a next-hop object does not always name a device then.
const nlmsghdr* AskRoute(QuestionBuffer buffer, std::uint32_t sequence,
                         const ipset::Address& address, bool whole);
const nlmsghdr* AskLink(QuestionBuffer buffer, std::uint32_t sequence, int index);

// nullopt: no answer to such a question, or not to be understood.
std::optional<Route> DecodeRoute(const nlmsghdr* message);
std::optional<Link> DecodeLink(const nlmsghdr* message);

}  // namespace podgate::controller
