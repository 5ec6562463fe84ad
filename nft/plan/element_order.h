// In which order the elements and the rules of one change may be committed so that every packet in
// between gets its old verdict or its new one. Internal to nft/. Pure; any thread.
//
// Rules change all at once for a packet, elements of sets that packets meet do not. Deleting
// elements makes sets allow less, adding them makes sets allow more. So "delete first" (delete
// elements, replace rules, add elements) never lets a packet pass that both rulesets drop. It can
// drop a packet that both let pass, if the old permission is deleted before the new one is added.
// That takes
//
//   - an address that leaves one set and enters another. If the change is about the sets of one
//     address only, adding first is right: of a packet's two ends only one asks for it; or
//   - rules that change together with elements that those rules, old or new, look up. (The chain
//     of a pod's address asks for other addresses only.)
//
// This assumes that a packet has passed all rules before a second commit follows the one that it
// met: a packet that outlived both could find the old elements at its first look-up and the new
// ones at its last.
//
// Where neither order is right, the sets change by way of copies: the rules look up copies first,
// which hold what the sets will hold, and the sets again once those have changed.
#pragma once

#include <set>
#include <string>

#include "nft/model/change.h"

namespace podgate::nft {

enum class ElementOrder { kDeleteFirst, kAddFirst, kViaCopies };

// `flipped`: the chains whose rules change where packets meet them.
ElementOrder OrderFor(const Change& change, const Ruleset& after,
                      const std::set<std::string>& flipped);

// A set whose elements may let packets pass and that packets meet before and after the change.
bool IsLive(const SetChange& change);

}  // namespace podgate::nft
