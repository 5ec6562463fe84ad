// The question about conntrack that the agent asks while a part of the kernel is missing.
#include "controller/cli/kernel_seams.h"

#include <gtest/gtest.h>

#include "unit/nft/fake/fake_conntrack.h"

namespace podgate::controller {
namespace {

using nft::Status;

class Answering : public nft::FakeConntrack {
 public:
  explicit Answering(const Status* answer) : answer_(answer) {}
  nft::Result<std::optional<nft::Flow>> Find(std::uint8_t, const nft::FlowTuple&,
                                             std::uint16_t) override {
    if (!answer_->ok()) return *answer_;
    return std::optional<nft::Flow>();
  }

 private:
  const Status* answer_;
};

TEST(KernelSeams, TheQuestionAboutConntrackKeepsItsSockets) {
  Status opens(Status::Code::kFull, "too many files");
  Status answer(Status::Code::kUnsupported, "no module");
  int opened = 0;
  const KernelParts::AskConntrack ask =
      AskOver([&]() -> nft::Result<std::unique_ptr<nft::Conntrack>> {
        ++opened;
        if (!opens.ok()) return opens;
        return std::unique_ptr<nft::Conntrack>(std::make_unique<Answering>(&answer));
      });
  EXPECT_EQ(ask().code(), Status::Code::kFull);
  opens = Status();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask().code(), Status::Code::kUnsupported);
  answer = Status();  // somebody loads it
  EXPECT_TRUE(ask().ok());
  EXPECT_EQ(opened, 2);
}

}  // namespace
}  // namespace podgate::controller
