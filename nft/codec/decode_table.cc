// Tables and chains from the kernel's dump.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <string_view>

#include "nft/codec/decode.h"
#include "nft/codec/netlink_handles.h"
#include "nft/codec/packet_layout.h"
#include "nft/codec/userdata.h"

namespace podgate::nft {

Ruleset DecodeTable(const nftnl_table* table) {
  Ruleset ruleset;
  ruleset.table = nftnl_table_get_str(table, NFTNL_TABLE_NAME);
  if (nftnl_table_get_u32(table, NFTNL_TABLE_FAMILY) == NFPROTO_NETDEV)
    ruleset.family = TableFamily::kNetdev;
  std::uint32_t bytes = 0;
  const void* userdata = nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &bytes);
  ruleset.comment = UserdataText(userdata, bytes, NFTNL_UDATA_TABLE_COMMENT);
  const std::uint32_t flags = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS);
  if (flags != 0) {
    ruleset.foreign = "a table with flags " + std::to_string(flags);
    if ((flags & NFT_TABLE_F_DORMANT) != 0) ruleset.foreign += " (dormant)";
  }
  return ruleset;
}

Chain DecodeChain(const nftnl_chain* chain) {
  Chain decoded;
  decoded.name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
  const auto complain = [&decoded](const std::string& what) {
    if (decoded.foreign.empty()) decoded.foreign = what;
  };
  std::uint32_t bytes = 0;
  if (UserdataHas(nftnl_chain_get_data(chain, NFTNL_CHAIN_USERDATA, &bytes), bytes,
                  NFTNL_UDATA_CHAIN_COMMENT)) {
    complain("a chain with a comment");
  }
  if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM)) return decoded;

  decoded.base.emplace();
  decoded.base->priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
  const std::uint32_t hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
  // The numbers of different families' hooks are the same.
  const bool netdev = nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY) == NFPROTO_NETDEV;
  const auto known = std::find_if(kHooks.begin(), kHooks.end(),
                                  [hook](Hook candidate) { return HookNumber(candidate) == hook; });
  if (netdev && hook == NF_NETDEV_INGRESS) {
    decoded.base->hook = Hook::kIngress;
  } else if (!netdev && known != kHooks.end()) {
    decoded.base->hook = *known;
  } else {
    complain("a base chain of hook " + std::to_string(hook));
  }
  const char* device = nftnl_chain_get_str(chain, NFTNL_CHAIN_DEV);
  if (device != nullptr) decoded.base->device = device;
  if (netdev && device == nullptr) complain("a base chain of no device, or of several");
  const char* type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);
  if (type == nullptr || std::string_view(type) != "filter") {
    complain(std::string("a base chain of type ") + (type == nullptr ? "none" : type));
  }
  if (nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) != NF_ACCEPT) {
    complain("a base chain whose policy is not accept");
  }
  if (nftnl_chain_is_set(chain, NFTNL_CHAIN_FLAGS) &&
      (nftnl_chain_get_u32(chain, NFTNL_CHAIN_FLAGS) & ~std::uint32_t{NFT_CHAIN_BASE}) != 0) {
    complain("a base chain with flags");
  }
  return decoded;
}

}  // namespace podgate::nft
