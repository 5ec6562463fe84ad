#include "nft/kernel/nftables_requests.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <optional>

#include "nft/codec/packet_layout.h"

extern "C" {
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
}

namespace podgate::nft {
namespace {

std::uint8_t NumberOf(TableFamily family) {
  return static_cast<std::uint8_t>(FamilyNumber(family));
}

Status Request(NetlinkClient* client, std::uint16_t type, std::uint16_t flags, const Fill& fill,
               const NetlinkClient::Answer& answer, std::uint8_t family) {
  char buffer[4096];
  nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer, type, family, flags, client->next_sequence());
  if (fill) fill(message);
  return client->Ask(message, answer);
}

}  // namespace

Status Dump(NetlinkClient* client, std::uint16_t type, TableFamily family, const Fill& fill,
            const NetlinkClient::Answer& answer) {
  return Request(client, type, NLM_F_DUMP, fill, answer, NumberOf(family));
}

Status DumpAll(NetlinkClient* client, std::uint16_t type, const NetlinkClient::Answer& answer) {
  return Request(client, type, NLM_F_DUMP, nullptr, answer, NFPROTO_UNSPEC);
}

Status Get(NetlinkClient* client, std::uint16_t type, TableFamily family, const Fill& fill,
           const NetlinkClient::Answer& answer) {
  return Request(client, type, NLM_F_ACK, fill, answer, NumberOf(family));
}

Result<std::uint32_t> ReadGeneration(NetlinkClient* client) {
  std::optional<std::uint32_t> generation;
  const Status status =
      Get(client, NFT_MSG_GETGEN, TableFamily::kInet, nullptr, [&](const nlmsghdr* message) {
        const auto* attribute =
            static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
        const char* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
        for (; mnl_attr_ok(attribute,
                           static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
             attribute = mnl_attr_next(attribute)) {
          if (mnl_attr_get_type(attribute) == NFTA_GEN_ID &&
              mnl_attr_get_payload_len(attribute) == sizeof(std::uint32_t)) {
            generation = ntohl(mnl_attr_get_u32(attribute));
          }
        }
        return generation.has_value();
      });
  // The request names nothing that could be missing.
  if (status.IsNotFound()) return Status(Status::Code::kOther, status.message());
  if (!status.ok()) return status;
  if (!generation)
    return Status(Status::Code::kOverrun, "The kernel did not tell the generation of its rules");
  return *generation;
}

}  // namespace podgate::nft
