// When two objects are the same for the kernel. Internal to nft/. Pure; any thread.
#pragma once

#include <vector>

#include "nft/model/ruleset.h"

namespace podgate::nft {

// All but name, elements and guard flag: what a set keeps from its creation to its deletion.
bool SameDefinition(const Set& a, const Set& b);

// All but name and rules, likewise.
bool SameDefinition(const Chain& a, const Chain& b);

// What turns the elements of one set into those of another of the same definition. All vectors
// sorted.
struct ElementDelta {
  std::vector<Element> added;
  std::vector<Element> removed;
  bool verdict_changed = false;  // of a key that both have; then the delta cannot be committed
  bool empty() const { return added.empty() && removed.empty() && !verdict_changed; }
};
ElementDelta DeltaOf(const Set& before, const Set& after);

// Whole tables. Guard flags are ignored: the kernel does not know them.
bool SameForKernel(const Ruleset& a, const Ruleset& b);

}  // namespace podgate::nft
