#include "nft/kernel/chain_list.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <utility>

#include "nft/codec/netlink_handles.h"
#include "nft/kernel/netlink_client.h"
#include "nft/kernel/nftables_requests.h"

namespace podgate::nft {
namespace {

std::string Text(const char* text) { return text == nullptr ? std::string() : text; }

ListedChain Decode(const nftnl_chain* chain) {
  ListedChain listed;
  listed.family = static_cast<std::uint8_t>(nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY));
  listed.table = Text(nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE));
  listed.name = Text(nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME));
  if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM)) return listed;
  listed.hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
  listed.drops = nftnl_chain_is_set(chain, NFTNL_CHAIN_POLICY) &&
                 nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_DROP;
  return listed;
}

}  // namespace

std::string FamilyName(std::uint8_t family) {
  switch (family) {
    case NFPROTO_INET:
      return "inet";
    case NFPROTO_IPV4:
      return "ip";
    case NFPROTO_ARP:
      return "arp";
    case NFPROTO_NETDEV:
      return "netdev";
    case NFPROTO_BRIDGE:
      return "bridge";
    case NFPROTO_IPV6:
      return "ip6";
    default:
      return std::to_string(family);
  }
}

Result<std::unique_ptr<ChainLister>> ChainLister::Open() {
  auto client = NetlinkClient::Open(NETLINK_NETFILTER);
  if (!client.ok()) return client.status();
  return std::make_unique<ChainLister>(std::move(client).value());
}

ChainLister::ChainLister(std::unique_ptr<NetlinkClient> client) : client_(std::move(client)) {}
ChainLister::~ChainLister() = default;

Result<std::vector<ListedChain>> ChainLister::List() {
  std::vector<ListedChain> chains;
  const Status status = DumpAll(client_.get(), NFT_MSG_GETCHAIN, [&](const nlmsghdr* message) {
    const ChainPtr chain(nftnl_chain_alloc());
    if (!chain || nftnl_chain_nlmsg_parse(message, chain.get()) < 0) return false;
    chains.push_back(Decode(chain.get()));
    return true;
  });
  if (!status.ok()) return status;
  return chains;
}

}  // namespace podgate::nft
