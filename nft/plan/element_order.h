// In which order the elements and the rules of one change may be committed so that every packet in
// between gets its old verdict or its new one. Internal to nft/. Pure; any thread.
//
// Rules change all at once for a packet, elements of sets that packets meet do not. Elements that
// go make sets allow less, those that come make them allow more; "close first" (elements go, rules
// change, elements come) never lets a packet pass that old and new ruleset both drop. It can lose
// one that both let pass when its old permission goes before its new one comes. That takes
//
//   - an address that leaves one set and comes into another. If all that changes are the sets of
//     one address, coming before going is right: of a packet's two ends only one asks for it; or
//   - rules that change together with elements that those rules, old or new, look up. (The chain
//     of a pod's address asks for other addresses only.)
//
// A packet is taken to be through before a second commit follows the one that it met: one that
// outlived both could find the old elements at its first look-up and the new ones at its last.
//
// Where neither helps, the sets change aside: rules are led to copies first, which then hold what
// the sets will, and led back when the sets do.
#pragma once

#include <set>
#include <string>

#include "nft/model/change.h"

namespace podgate::nft {

enum class ElementOrder { kCloseFirst, kOpenFirst, kAside };

// `flipped`: the chains whose rules change where packets meet them.
ElementOrder OrderFor(const Change& change, const Ruleset& after,
                      const std::set<std::string>& flipped);

// A set whose elements may let packets pass and that packets meet before and after the change.
bool IsLive(const SetChange& change);

}  // namespace podgate::nft
