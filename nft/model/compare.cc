#include "nft/model/compare.h"

#include <algorithm>

#include "nft/model/canonical.h"

namespace podgate::nft {
namespace {

// An interval of one key may leave its end out.
const Key& LastOf(const Element& element) {
  return element.last.empty() ? element.key : element.last;
}

bool SameElement(const Element& a, const Element& b) {
  return a.key == b.key && LastOf(a) == LastOf(b) && a.verdict == b.verdict;
}

bool SameElements(const Set& a, const Set& b) {
  return std::equal(a.elements.begin(), a.elements.end(), b.elements.begin(), b.elements.end(),
                    SameElement);
}

template <typename T, typename Same>
bool SameValues(const std::map<std::string, T>& a, const std::map<std::string, T>& b, Same same) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& x, const auto& y) {
    return x.first == y.first && same(x.second, y.second);
  });
}

}  // namespace

bool SameDefinition(const Set& a, const Set& b) {
  return a.key == b.key && a.interval == b.interval && a.verdict_map == b.verdict_map &&
         a.size == b.size && a.foreign == b.foreign &&
         QuotableText(a.comment) == QuotableText(b.comment);
}

bool SameDefinition(const Chain& a, const Chain& b) {
  return a.base == b.base && a.foreign == b.foreign;
}

ElementDelta DeltaOf(const Set& before, const Set& after) {
  ElementDelta delta;
  auto a = before.elements.begin();
  auto b = after.elements.begin();
  while (a != before.elements.end() || b != after.elements.end()) {
    int order = 0;  // of the two keys; what has come to its end sorts last
    if (a == before.elements.end()) {
      order = 1;
    } else if (b == after.elements.end()) {
      order = -1;
    } else {
      order = a->key.compare(b->key);
    }
    const bool differ = order == 0 && (LastOf(*a) != LastOf(*b) || a->verdict != b->verdict);
    if (differ) delta.verdict_changed |= a->verdict != b->verdict;
    if (order < 0 || differ) delta.removed.push_back(*a);
    if (order > 0 || differ) delta.added.push_back(*b);
    if (order <= 0) ++a;
    if (order >= 0) ++b;
  }
  return delta;
}

bool SameForKernel(const Ruleset& a, const Ruleset& b) {
  return a.table == b.table && a.foreign == b.foreign &&
         QuotableText(a.comment) == QuotableText(b.comment) && a.counters == b.counters &&
         SameValues(a.sets, b.sets,
                    [](const Set& x, const Set& y) {
                      return SameDefinition(x, y) && SameElements(x, y);
                    }) &&
         SameValues(a.chains, b.chains, [](const Chain& x, const Chain& y) {
           return SameDefinition(x, y) && SameRules(x.rules, y.rules);
         });
}

}  // namespace podgate::nft
