#include "nft/kernel/netlink.h"

#include <linux/netlink.h>

#include <utility>

#include "nft/codec/batch.h"
#include "nft/codec/check.h"
#include "nft/codec/encode.h"
#include "nft/codec/packet_layout.h"
#include "nft/kernel/batch_errors.h"
#include "nft/kernel/netlink_channel.h"
#include "nft/kernel/netlink_client.h"
#include "nft/kernel/nftables_requests.h"
#include "nft/kernel/reader.h"
#include "nft/model/step.h"

namespace podgate::nft {
namespace {

// Room for the answers: the elements of one message fill an attribute of at most 64 KiB.
constexpr std::size_t kAnswerBytes = 128 * 1024;

class NetlinkKernel : public Kernel {
 public:
  explicit NetlinkKernel(std::unique_ptr<NetlinkChannel> channel)
      : client_(std::move(channel), kAnswerBytes) {}

  using Kernel::Read;

  Result<std::optional<Ruleset>> Read(TableFamily family, const std::string& table) override {
    return ReadTable(&client_, family, table);
  }

  Result<bool> Holds(const Ruleset& wanted) override { return HoldsTable(&client_, wanted); }

  Status Commit(const Step& step) override { return CommitIf(std::nullopt, step); }
  Status CommitAt(std::uint32_t generation, const Step& step) override {
    return CommitIf(generation, step);
  }

  Result<std::uint32_t> Generation() override { return ReadGeneration(&client_); }

 private:
  Status CommitIf(std::optional<std::uint32_t> generation, const Step& step) {
    const Status expressible = CheckExpressible(step);
    if (!expressible.ok()) return expressible;
    if (step.operations.empty()) return {};
    Batch batch(client_.next_sequence(), generation,
                static_cast<std::uint8_t>(FamilyNumber(step.family)));
    EncodeStep(step, &batch);
    const Result<std::vector<BatchError>> errors = client_.Commit(batch);
    if (!errors.ok()) return DescribeBatchError(step, errors.status());
    if (errors.value().empty()) return {};
    return DescribeErrors(step, batch, errors.value());
  }

  NetlinkClient client_;
};

}  // namespace

Result<std::unique_ptr<Kernel>> OpenNetlink() {
  auto channel = OpenChannel(NETLINK_NETFILTER);
  if (!channel.ok()) return channel.status();
  return NetlinkOver(std::move(channel).value());
}

std::unique_ptr<Kernel> NetlinkOver(std::unique_ptr<NetlinkChannel> channel) {
  return std::make_unique<NetlinkKernel>(std::move(channel));
}

}  // namespace podgate::nft
