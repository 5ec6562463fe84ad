#include "nft/kernel/netlink.h"

#include <utility>

#include "nft/codec/batch.h"
#include "nft/codec/check.h"
#include "nft/codec/encode.h"
#include "nft/kernel/batch_errors.h"
#include "nft/kernel/netlink_channel.h"
#include "nft/kernel/netlink_socket.h"
#include "nft/kernel/reader.h"
#include "nft/model/step.h"

namespace podgate::nft {
namespace {

class NetlinkKernel : public Kernel {
 public:
  explicit NetlinkKernel(std::unique_ptr<NetlinkChannel> wire) : socket_(std::move(wire)) {}

  Result<std::optional<Ruleset>> Read(const std::string& table) override {
    return ReadTable(&socket_, table);
  }

  Result<bool> Holds(const Ruleset& wanted) override { return HoldsTable(&socket_, wanted); }

  Status Commit(const Step& step) override { return CommitIf(std::nullopt, step); }
  Status CommitAt(std::uint32_t generation, const Step& step) override {
    return CommitIf(generation, step);
  }

  Result<std::uint32_t> Generation() override { return socket_.Generation(); }

 private:
  Status CommitIf(std::optional<std::uint32_t> generation, const Step& step) {
    const Status expressible = CheckExpressible(step);
    if (!expressible.ok()) return expressible;
    if (step.operations.empty()) return {};
    Batch batch(socket_.NextSequence(), generation);
    EncodeStep(step, &batch);
    const Result<std::vector<BatchError>> errors = socket_.Send(batch);
    if (!errors.ok()) return DescribeBatchError(step, errors.status());
    if (errors.value().empty()) return {};
    return DescribeErrors(step, batch, errors.value());
  }

  NetlinkSocket socket_;
};

}  // namespace

Result<std::unique_ptr<Kernel>> OpenNetlink() {
  auto wire = OpenWire();
  if (!wire.ok()) return wire.status();
  return NetlinkOver(std::move(wire).value());
}

std::unique_ptr<Kernel> NetlinkOver(std::unique_ptr<NetlinkChannel> wire) {
  return std::make_unique<NetlinkKernel>(std::move(wire));
}

}  // namespace podgate::nft
