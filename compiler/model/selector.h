// Label selectors (metav1.LabelSelector): matching, canonical form, text. Pure.
#pragma once

#include <string>

#include "compiler/model/model.h"

namespace podgate::compiler {

// NotIn and DoesNotExist match when the key is absent; all requirements are ANDed; none matches
// all.
bool Matches(const LabelSelector& selector, const Labels& labels);
// Sorts and removes duplicates, in requirements and in values.
void Canonicalise(LabelSelector* selector);
// kubectl's text: "app=web,tier in (a,b),!x"; "everything" is the empty string. Injective on
// canonical selectors, so it can serve as a key.
std::string ToString(const LabelSelector& selector);

}  // namespace podgate::compiler
