// Sets, maps and their elements from the kernel's dump.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>

#include "nft/codec/decode.h"
#include "nft/codec/encode.h"
#include "nft/codec/netlink_handles.h"
#include "nft/codec/userdata.h"
#include "nft/model/canonical.h"

namespace podgate::nft {
namespace {

void Complain(const std::string& what, Set* set) {
  if (set->foreign.empty()) set->foreign = what;
}

// The fields behind nft's number of a key type; empty when one is not ours.
std::vector<Field> FieldsOf(std::uint32_t type_id) {
  static constexpr Field kFields[] = {Field::kIpv4Addr, Field::kIpv6Addr, Field::kInetProto,
                                      Field::kInetService};
  std::vector<Field> fields;
  for (; type_id != 0; type_id >>= 6) {
    const auto* field = std::find_if(std::begin(kFields), std::end(kFields), [&](Field candidate) {
      return TypeId({candidate}) == (type_id & 0x3f);
    });
    if (field == std::end(kFields)) return {};
    fields.insert(fields.begin(), *field);
  }
  return fields;
}

// The bytes of `key`, taken as one big number, minus one.
Key Predecessor(Key key) {
  for (auto byte = key.rbegin(); byte != key.rend(); ++byte) {
    *byte = static_cast<char>(*byte - 1);
    if (static_cast<unsigned char>(*byte) != 0xff) break;
  }
  return key;
}

struct RawElement {
  Element element;
  bool end = false;  // closes the interval before it
};

// One element of the dump; false when it has a part that ours never have.
bool DecodeElement(const nftnl_set_elem* from, const Set& set, RawElement* raw) {
  auto* element = const_cast<nftnl_set_elem*>(from);  // libnftnl's getters are not const
  for (const std::uint16_t part :
       {NFTNL_SET_ELEM_KEY_END, NFTNL_SET_ELEM_TIMEOUT, NFTNL_SET_ELEM_EXPR,
        NFTNL_SET_ELEM_EXPRESSIONS, NFTNL_SET_ELEM_OBJREF, NFTNL_SET_ELEM_DATA}) {
    if (nftnl_set_elem_is_set(element, part)) return false;
  }
  std::uint32_t flags = 0;
  if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS)) {
    flags = nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS);
  }
  raw->end = (flags & NFT_SET_ELEM_INTERVAL_END) != 0;
  if ((flags & ~std::uint32_t{NFT_SET_ELEM_INTERVAL_END}) != 0) return false;
  if (raw->end && !set.interval) return false;
  std::uint32_t bytes = 0;
  if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_USERDATA)) {
    const void* userdata = nftnl_set_elem_get(element, NFTNL_SET_ELEM_USERDATA, &bytes);
    if (UserdataHas(userdata, bytes, NFTNL_UDATA_SET_ELEM_COMMENT)) return false;
  }
  const auto* key =
      static_cast<const char*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &bytes));
  if (key == nullptr || bytes != KeyBytes(set.key)) return false;
  raw->element.key.assign(key, bytes);
  if (!set.verdict_map || raw->end) return true;
  if (!nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_VERDICT)) return false;
  raw->element.verdict = DecodeVerdict(nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_VERDICT),
                                       nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN));
  return raw->element.verdict.has_value();
}

// Starts and ends, sorted with an end before a start of the same key, become closed intervals. A
// start closes the interval before it as well, and the last interval may have no end.
std::vector<Element> JoinIntervals(std::vector<RawElement> raw, const Set& set) {
  const Key last_key(KeyBytes(set.key), '\xff');
  std::vector<Element> joined;
  bool open = false;
  for (RawElement& part : raw) {
    if (open) joined.back().last = Predecessor(part.element.key);
    open = !part.end;
    if (open) joined.push_back(std::move(part.element));
  }
  if (open) joined.back().last = last_key;
  return joined;
}

}  // namespace

Set DecodeSet(const nftnl_set* set) {
  Set decoded;
  decoded.name = nftnl_set_get_str(set, NFTNL_SET_NAME);
  const std::uint32_t flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS);
  decoded.interval = (flags & NFT_SET_INTERVAL) != 0;
  decoded.verdict_map = (flags & NFT_SET_MAP) != 0;
  decoded.key = FieldsOf(nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE));
  if (nftnl_set_is_set(set, NFTNL_SET_DESC_SIZE)) {
    decoded.size = nftnl_set_get_u32(set, NFTNL_SET_DESC_SIZE);
  }
  std::uint32_t bytes = 0;
  const void* userdata = nftnl_set_get_data(set, NFTNL_SET_USERDATA, &bytes);
  decoded.comment = UserdataText(userdata, bytes, NFTNL_UDATA_SET_COMMENT);

  const std::uint32_t odd = flags & ~std::uint32_t{NFT_SET_INTERVAL | NFT_SET_MAP};
  if (odd != 0) Complain("a set with flags " + std::to_string(odd), &decoded);
  if (decoded.key.empty() || KeyBytes(decoded.key) != nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN)) {
    Complain("a set with another type of key", &decoded);
  }
  if (decoded.interval && decoded.key.size() > 1) {
    Complain("an interval set with a concatenated key", &decoded);
  }
  if (decoded.verdict_map && nftnl_set_get_u32(set, NFTNL_SET_DATA_TYPE) != NFT_DATA_VERDICT) {
    Complain("a map with data other than verdicts", &decoded);
  }
  if (nftnl_set_is_set(set, NFTNL_SET_TIMEOUT) || nftnl_set_is_set(set, NFTNL_SET_GC_INTERVAL)) {
    Complain("a set with a timeout", &decoded);
  }
  if (nftnl_set_is_set(set, NFTNL_SET_EXPR) || nftnl_set_is_set(set, NFTNL_SET_EXPRESSIONS)) {
    Complain("a set with a statement for its elements", &decoded);
  }
  if (nftnl_set_is_set(set, NFTNL_SET_POLICY) &&
      nftnl_set_get_u32(set, NFTNL_SET_POLICY) != NFT_SET_POL_PERFORMANCE) {
    Complain("a set with a policy of its own", &decoded);
  }
  return decoded;
}

void DecodeElements(nftnl_set* from, Set* set) {
  if (!set->foreign.empty()) return;  // unequal as it is, and its elements may have any form
  std::vector<RawElement> raw;
  nftnl_set_elems_iter* place = nftnl_set_elems_iter_create(from);
  while (const nftnl_set_elem* element = nftnl_set_elems_iter_next(place)) {
    RawElement decoded;
    if (DecodeElement(element, *set, &decoded)) {
      raw.push_back(std::move(decoded));
    } else {
      Complain("a set with an element that has more than a key and a verdict", set);
    }
  }
  nftnl_set_elems_iter_destroy(place);
  std::sort(raw.begin(), raw.end(), [](const RawElement& a, const RawElement& b) {
    if (a.element.key != b.element.key) return a.element.key < b.element.key;
    return a.end && !b.end;
  });
  // A hash that grows during the dump is walked from its beginning once more.
  raw.erase(std::unique(raw.begin(), raw.end(),
                        [](const RawElement& a, const RawElement& b) {
                          return a.end == b.end && a.element == b.element;
                        }),
            raw.end());
  if (set->interval) {
    set->elements = JoinIntervals(std::move(raw), *set);
    return;
  }
  set->elements.clear();
  set->elements.reserve(raw.size());
  for (RawElement& part : raw) set->elements.push_back(std::move(part.element));
}

}  // namespace podgate::nft
