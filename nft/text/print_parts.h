// Pieces of nft text that whole rulesets and steps are made of. Internal to nft/. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "nft/model/ruleset.h"

namespace podgate::nft {

// "tcp", "icmpv6", "250". Only names that nft knows without a file of protocol names.
std::string PrintProtocol(std::uint8_t protocol);

// "accept", "goto in-class-web".
std::string Print(const Verdict& verdict);

// One element of an interval set as nft shortens it: an address or a port, a prefix, or
// "first-last".
std::string PrintInterval(const Element& element, Field field);

// Elements separated as nft separates them in a listing: in lines, so that no line grows with the
// set. Maps get " : verdict" after each key; `with_verdicts` is false in a deletion, which goes by
// the key.
std::string PrintElements(const std::vector<Element>& elements, const std::vector<Field>& key,
                          bool interval, bool with_verdicts = true);

// "type ipv4_addr : verdict".
std::string PrintType(const Set& set);

// "type filter hook forward priority filter - 5; policy accept;".
std::string PrintBase(const BaseHook& base);

}  // namespace podgate::nft
