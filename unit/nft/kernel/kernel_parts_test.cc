// Missing parts of a kernel are found by asking it, without a change.
#include "nft/kernel/kernel_parts.h"

#include "nft/model/step.h"
#include "unit/nft/fake/fake_kernel.h"
#include "unit/nft/kernel/real_kernel.h"

namespace podgate::nft {
namespace {

std::vector<KernelPart> Missing(FakeKernel* kernel, bool reject = true) {
  const auto found = FindMissingParts(kernel, reject);
  EXPECT_TRUE(found.ok()) << found.status().message();
  EXPECT_TRUE(kernel->committed.empty());
  return found.ok() ? found.value() : std::vector<KernelPart>();
}

TEST(KernelPartsTest, NothingIsMissing) {
  FakeKernel kernel;
  EXPECT_TRUE(Missing(&kernel).empty());
}

TEST(KernelPartsTest, EachIsFoundByItself) {
  for (const KernelPart part :
       {KernelPart::kTables, KernelPart::kConntrack, KernelPart::kCounter, KernelPart::kReference,
        KernelPart::kLimit, KernelPart::kLog, KernelPart::kReject}) {
    FakeKernel kernel;
    kernel.missing = {part};
    EXPECT_EQ(Missing(&kernel), std::vector<KernelPart>{part}) << DescribeMissing(part);
  }
}

TEST(KernelPartsTest, SeveralAreFoundInOrder) {
  FakeKernel kernel;
  kernel.missing = {KernelPart::kLog, KernelPart::kReject, KernelPart::kConntrack};
  EXPECT_EQ(Missing(&kernel), (std::vector<KernelPart>{KernelPart::kConntrack, KernelPart::kLog,
                                                       KernelPart::kReject}));
  EXPECT_EQ(Missing(&kernel, false),
            (std::vector<KernelPart>{KernelPart::kConntrack, KernelPart::kLog}));
}

TEST(KernelPartsTest, ARefusalOfAnotherKindIsNoAnswer) {
  FakeKernel kernel;
  kernel.before_commit = [](const Step&) {
    return Status(Status::Code::kPermission, "not permitted");
  };
  EXPECT_EQ(FindMissingParts(&kernel, true).status().code(), Status::Code::kPermission);
}

TEST(KernelPartsTest, EachHasASentenceWithOptionAndModule) {
  EXPECT_EQ(DescribeMissing(KernelPart::kLimit), "the kernel has no nft_limit (CONFIG_NFT_LIMIT)");
  for (const char* name : {"ct", "objref", "limit", "log", "reject"})
    EXPECT_NE(PartOfExpression(name), nullptr) << name;
  EXPECT_EQ(PartOfExpression("payload"), nullptr);
}

class RealKernelPartsTest : public RealKernelTest {};

TEST_F(RealKernelPartsTest, AskingChangesNothing) {
  const auto before = kernel()->Generation();
  ASSERT_TRUE(before.ok()) << before.status().message();
  const auto found = FindMissingParts(kernel(), true);
  ASSERT_TRUE(found.ok()) << found.status().message();
  for (const KernelPart part : found.value()) ADD_FAILURE() << DescribeMissing(part);
  EXPECT_EQ(kernel()->Generation().value(), before.value());
  EXPECT_EQ(RunNft("list tables"), "");
}

}  // namespace
}  // namespace podgate::nft
