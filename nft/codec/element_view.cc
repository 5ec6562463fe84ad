#include "nft/codec/element_view.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cstring>

extern "C" {
#include <libmnl/libmnl.h>
}

namespace podgate::nft {
namespace {

// Calls `look` for each attribute in [first, end) until it returns false; false then, and when the
// row is not whole.
template <typename Look>
bool ForEachAttribute(const nlattr* first, const char* end, Look look) {
  const nlattr* at = first;
  for (; mnl_attr_ok(at, static_cast<int>(end - reinterpret_cast<const char*>(at)));
       at = mnl_attr_next(at)) {
    if (!look(at)) return false;
  }
  return reinterpret_cast<const char*>(at) >= end;
}

template <typename Look>
bool ForEachNested(const nlattr* parent, Look look) {
  return ForEachAttribute(static_cast<const nlattr*>(mnl_attr_get_payload(parent)),
                          reinterpret_cast<const char*>(parent) + parent->nla_len, look);
}

std::string_view BytesOf(const nlattr* attribute) {
  return {static_cast<const char*>(mnl_attr_get_payload(attribute)),
          mnl_attr_get_payload_len(attribute)};
}

bool ReadVerdict(const nlattr* verdict, ElementView* view) {
  return ForEachNested(verdict, [view](const nlattr* part) {
    const std::string_view bytes = BytesOf(part);
    if (mnl_attr_get_type(part) == NFTA_VERDICT_CHAIN) {
      view->chain = bytes.substr(0, bytes.find('\0'));
    } else if (mnl_attr_get_type(part) == NFTA_VERDICT_CODE) {
      if (bytes.size() != sizeof view->verdict) return false;
      std::memcpy(&view->verdict, bytes.data(), bytes.size());
      view->verdict = ntohl(view->verdict);
      view->has_verdict = true;
    }
    return true;
  });
}

bool ReadElement(const nlattr* element, ElementView* view) {
  return ForEachNested(element, [view](const nlattr* part) {
    switch (mnl_attr_get_type(part)) {
      case NFTA_SET_ELEM_KEY:
        return ForEachNested(part, [view](const nlattr* data) {
          if (mnl_attr_get_type(data) == NFTA_DATA_VALUE) view->key = BytesOf(data);
          return true;
        });
      case NFTA_SET_ELEM_DATA:
        return ForEachNested(part, [view](const nlattr* data) {
          if (mnl_attr_get_type(data) == NFTA_DATA_VERDICT) return ReadVerdict(data, view);
          view->plain = false;
          return true;
        });
      case NFTA_SET_ELEM_PAD:
        return true;
      default:
        view->plain = false;
        return true;
    }
  });
}

}  // namespace

bool ForEachElement(const nlmsghdr* message, const std::function<void(const ElementView&)>& look) {
  const auto* first =
      static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
  return ForEachAttribute(first, end, [&look](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS) return true;
    return ForEachNested(attribute, [&look](const nlattr* element) {
      ElementView view;
      if (!ReadElement(element, &view)) return false;
      look(view);
      return true;
    });
  });
}

}  // namespace podgate::nft
