#include "nft/kernel/counters.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <functional>
#include <utility>

#include "nft/kernel/netlink_client.h"
#include "nft/kernel/nftables_requests.h"

extern "C" {
#include <libmnl/libmnl.h>
}

namespace podgate::nft {
namespace {

void ForEach(const void* begin, const void* end, const std::function<void(const nlattr*)>& visit) {
  const auto* attribute = static_cast<const nlattr*>(begin);
  const auto* stop = static_cast<const char*>(end);
  while (
      mnl_attr_ok(attribute, static_cast<int>(stop - reinterpret_cast<const char*>(attribute)))) {
    visit(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

// NFTA_OBJ_DATA of a counter: NFTA_COUNTER_PACKETS and NFTA_COUNTER_BYTES, big-endian.
std::optional<CounterValue> ValueOf(const nlmsghdr* message) {
  std::optional<CounterValue> value;
  ForEach(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)),
          mnl_nlmsg_get_payload_tail(message), [&](const nlattr* attribute) {
            if (mnl_attr_get_type(attribute) != NFTA_OBJ_DATA) return;
            value.emplace();
            const auto* nested = static_cast<const char*>(mnl_attr_get_payload(attribute));
            ForEach(nested, nested + mnl_attr_get_payload_len(attribute), [&](const nlattr* part) {
              if (mnl_attr_get_payload_len(part) != sizeof(std::uint64_t)) return;
              const std::uint64_t number = be64toh(mnl_attr_get_u64(part));
              if (mnl_attr_get_type(part) == NFTA_COUNTER_PACKETS) value->packets = number;
              if (mnl_attr_get_type(part) == NFTA_COUNTER_BYTES) value->bytes = number;
            });
          });
  return value;
}

}  // namespace

Result<std::unique_ptr<CounterReader>> CounterReader::Open() {
  auto client = NetlinkClient::Open(NETLINK_NETFILTER, NetlinkClient::kObjectBytes);
  if (!client.ok()) return client.status();
  return std::make_unique<CounterReader>(std::move(client).value());
}

CounterReader::CounterReader(std::unique_ptr<NetlinkClient> client) : client_(std::move(client)) {}
CounterReader::~CounterReader() = default;

Result<std::optional<CounterValue>> CounterReader::Read(const std::string& table,
                                                        const std::string& name,
                                                        TableFamily family) {
  std::optional<CounterValue> value;
  const Status status = Get(
      client_.get(), NFT_MSG_GETOBJ, family,
      [&](nlmsghdr* message) {
        mnl_attr_put_strz(message, NFTA_OBJ_TABLE, table.c_str());
        mnl_attr_put_strz(message, NFTA_OBJ_NAME, name.c_str());
        mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
      },
      [&](const nlmsghdr* message) {
        value = ValueOf(message);
        return value.has_value();
      });
  if (status.IsNotFound()) return std::optional<CounterValue>();
  if (!status.ok()) return status;
  if (!value) return Status(Status::Code::kOverrun, "The kernel did not tell the counter's value");
  return value;
}

}  // namespace podgate::nft
