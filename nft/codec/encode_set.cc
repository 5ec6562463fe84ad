// Sets, maps and their elements as netlink messages.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "nft/codec/encode.h"
#include "nft/codec/netlink_handles.h"
#include "nft/model/canonical.h"
#include "nft/model/step.h"

namespace podgate::nft {
namespace {

constexpr std::uint32_t kTypeBits = 6;

// nft's datatype numbers (its include/datatype.h).
std::uint32_t TypeId(Field field) {
  switch (field) {
    case Field::kIpv4Addr:
      return 7;
    case Field::kIpv6Addr:
      return 8;
    case Field::kInetProto:
      return 12;
    case Field::kInetService:
      return 13;
  }
  return 0;
}

// nft's number for the byte order of a key, in the set's user data: big endian for lone addresses
// and ports.
constexpr std::uint32_t kBigEndian = 2;
bool IsBigEndian(const std::vector<Field>& key) {
  return key.size() == 1 && key[0] != Field::kInetProto;
}

// The bytes of `key`, taken as one big number, plus one; nullopt after the last.
std::optional<Key> Successor(Key key) {
  for (auto byte = key.rbegin(); byte != key.rend(); ++byte) {
    *byte = static_cast<char>(*byte + 1);
    if (*byte != 0) return key;
  }
  return std::nullopt;
}

nftnl_set_elem* AddElement(nftnl_set* set, const Key& key) {
  nftnl_set_elem* element = nftnl_set_elem_alloc();
  nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key.data(),
                     static_cast<std::uint32_t>(key.size()));
  nftnl_set_elem_add(set, element);
  return element;
}

// nft marks an interval that ends with the last key: there is no key after it to close it.
void MarkOpen(nftnl_set_elem* element) {
  UserdataPtr userdata(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
  nftnl_udata_put_u32(userdata.get(), NFTNL_UDATA_SET_ELEM_FLAGS, NFTNL_SET_ELEM_F_INTERVAL_OPEN);
  nftnl_set_elem_set(element, NFTNL_SET_ELEM_USERDATA, nftnl_udata_buf_data(userdata.get()),
                     nftnl_udata_buf_len(userdata.get()));
}

void AddElement(nftnl_set* set, const Element& element, bool interval) {
  nftnl_set_elem* start = AddElement(set, element.key);
  if (element.verdict) {
    nftnl_set_elem_set_u32(start, NFTNL_SET_ELEM_VERDICT, VerdictCode(element.verdict->kind));
    if (!element.verdict->chain.empty()) {
      nftnl_set_elem_set_str(start, NFTNL_SET_ELEM_CHAIN, element.verdict->chain.c_str());
    }
  }
  if (!interval) return;
  const std::optional<Key> after = Successor(element.last.empty() ? element.key : element.last);
  if (!after) {
    MarkOpen(start);
    return;
  }
  nftnl_set_elem_set_u32(AddElement(set, *after), NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
}

struct ElementsMessage {
  std::uint16_t type;
  std::uint16_t flags;
};

void EncodeElementList(const std::string& table, const std::string& name, bool interval,
                       const std::vector<Element>& elements, const ElementsMessage& kind,
                       const RequestOrigin& origin, Batch* batch) {
  if (elements.empty()) return;
  SetPtr set(nftnl_set_alloc());
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name.c_str());
  for (const Element& element : elements) AddElement(set.get(), element, interval);
  // A message takes as many as fit into one attribute; the iterator keeps the place between
  // messages.
  nftnl_set_elems_iter* place = nftnl_set_elems_iter_create(set.get());
  int more = 0;
  do {
    nlmsghdr* message = batch->Begin(kind.type, kind.flags, origin);
    more = nftnl_set_elems_nlmsg_build_payload_iter(message, place);
    batch->Finish(message);
  } while (more > 0);
  nftnl_set_elems_iter_destroy(place);
}

}  // namespace

std::uint32_t TypeId(const std::vector<Field>& key) {
  std::uint32_t id = 0;
  for (const Field field : key) id = id << kTypeBits | TypeId(field);
  return id;
}

void EncodeAddSet(const std::string& table, const Set& set, std::uint32_t set_id,
                  const RequestOrigin& origin, Batch* batch) {
  SetPtr out(nftnl_set_alloc());
  nftnl_set_set_u32(out.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
  nftnl_set_set_str(out.get(), NFTNL_SET_TABLE, table.c_str());
  nftnl_set_set_str(out.get(), NFTNL_SET_NAME, set.name.c_str());
  nftnl_set_set_u32(out.get(), NFTNL_SET_ID, set_id);
  std::uint32_t flags = 0;
  if (set.interval) flags |= NFT_SET_INTERVAL;
  if (set.verdict_map) flags |= NFT_SET_MAP;
  nftnl_set_set_u32(out.get(), NFTNL_SET_FLAGS, flags);
  nftnl_set_set_u32(out.get(), NFTNL_SET_KEY_TYPE, TypeId(set.key));
  nftnl_set_set_u32(out.get(), NFTNL_SET_KEY_LEN, static_cast<std::uint32_t>(KeyBytes(set.key)));
  if (set.verdict_map) nftnl_set_set_u32(out.get(), NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
  if (set.size != 0) nftnl_set_set_u32(out.get(), NFTNL_SET_DESC_SIZE, set.size);
  // Never the type's expression (typeof): encodings of newer versions crash older nft programs.
  UserdataPtr userdata(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
  nftnl_udata_put_u32(userdata.get(), NFTNL_UDATA_SET_KEYBYTEORDER,
                      IsBigEndian(set.key) ? kBigEndian : 0);
  if (!set.comment.empty()) {
    nftnl_udata_put_strz(userdata.get(), NFTNL_UDATA_SET_COMMENT,
                         QuotableText(set.comment).c_str());
  }
  nftnl_set_set_data(out.get(), NFTNL_SET_USERDATA, nftnl_udata_buf_data(userdata.get()),
                     nftnl_udata_buf_len(userdata.get()));
  nlmsghdr* message = batch->Begin(NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, origin);
  nftnl_set_nlmsg_build_payload(message, out.get());
  batch->Finish(message);
}

void EncodeElements(const std::string& table, const AddElements& op, const RequestOrigin& origin,
                    Batch* batch) {
  EncodeElementList(table, op.set, op.interval, op.elements,
                    {NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL}, origin, batch);
}

void EncodeElements(const std::string& table, const DeleteElements& op, const RequestOrigin& origin,
                    Batch* batch) {
  EncodeElementList(table, op.set, op.interval, op.elements, {NFT_MSG_DELSETELEM, 0}, origin,
                    batch);
}

}  // namespace podgate::nft
