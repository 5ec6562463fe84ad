// Questions about routes and links as rtnetlink has them, their answers, and the one request that
// changes a link. Bytes and values only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "controller/node/attachment.h"
#include "ipset/address.h"

struct nlmsghdr;

namespace podgate::controller {

// Room that each question or request needs.
inline constexpr std::size_t kQuestionBytes = 128;
using QuestionBuffer = std::span<char, kQuestionBytes>;

// Which route leads to the address. `whole`: the route itself, not what the kernel made of it for
// this address; a route over a next-hop object does not always name a device then.
const nlmsghdr* AskRoute(QuestionBuffer buffer, std::uint32_t sequence,
                         const ipset::Address& address, bool whole);
const nlmsghdr* AskLink(QuestionBuffer buffer, std::uint32_t sequence, int index);

// Turns on a bridge's own switch for a family (IFLA_BR_NF_CALL_IPTABLES or _IP6TABLES), and leaves
// all else of the link as it is. A link that is no bridge is refused.
const nlmsghdr* TurnOnCalls(QuestionBuffer buffer, std::uint32_t sequence, int index,
                            ipset::Family family);

// nullopt: no answer to such a question, or not to be understood.
std::optional<Route> DecodeRoute(const nlmsghdr* message);
std::optional<Link> DecodeLink(const nlmsghdr* message);

}  // namespace podgate::controller
