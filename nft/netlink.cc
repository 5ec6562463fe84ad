#include "nft/netlink.h"

#include <utility>

#include "nft/batch.h"
#include "nft/blame.h"
#include "nft/check.h"
#include "nft/encode.h"
#include "nft/netlink_socket.h"
#include "nft/reader.h"

namespace podgate::nft {
namespace {

class NetlinkKernel : public Kernel {
 public:
  explicit NetlinkKernel(std::unique_ptr<NetlinkSocket> socket) : socket_(std::move(socket)) {}

  Result<std::optional<Ruleset>> Read(const std::string& table) override {
    return ReadTable(socket_.get(), table);
  }

  Status Commit(const Step& step) override {
    const Status expressible = CheckExpressible(step);
    if (!expressible.ok()) return expressible;
    Batch batch(socket_->NextSequence());
    EncodeStep(step, &batch);
    const Result<std::vector<BatchError>> errors = socket_->Send(batch);
    if (!errors.ok()) return BlameBatch(step, errors.status());
    if (errors.value().empty()) return {};
    return Blame(step, batch, errors.value());
  }

  Result<std::uint32_t> Generation() override { return socket_->Generation(); }

 private:
  std::unique_ptr<NetlinkSocket> socket_;
};

}  // namespace

Result<std::unique_ptr<Kernel>> OpenNetlink() {
  auto socket = NetlinkSocket::Open();
  if (!socket.ok()) return socket.status();
  return std::unique_ptr<Kernel>(std::make_unique<NetlinkKernel>(std::move(socket).value()));
}

}  // namespace podgate::nft
