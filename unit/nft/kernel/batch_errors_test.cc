// What errors of a batch become, also those that are hard to provoke in a kernel.
#include "nft/kernel/batch_errors.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>

#include <cerrno>

#include "nft/base/errors.h"
#include "nft/codec/batch.h"
#include "nft/codec/encode.h"
#include "nft/model/step.h"

namespace podgate::nft {
namespace {

using Code = Status::Code;

Step TwoOperations() {
  Set set;
  set.name = "peers4-x";
  set.key = {Field::kIpv4Addr};
  AddElements elements{"peers4-x", set.key, false, {}};
  for (std::uint32_t i = 0; i < 5000; ++i) {  // more than one message takes
    elements.elements.push_back({AddressKey(ipset::Address::FromIPv4(0x0a000000 + i)), "", {}});
  }
  return {Phase::kPrepare, "podgate", {AddSet{set}, elements}};
}

TEST(BatchErrorsTest, MessagesLeadBackToTheirOperations) {
  const Step step = TwoOperations();
  Batch batch(100);
  EncodeStep(step, &batch);
  // BATCH_BEGIN, the set, two messages of elements, BATCH_END.
  ASSERT_EQ(batch.next_sequence(), 105u);
  EXPECT_EQ(batch.RequestOriginOf(99), nullptr);
  EXPECT_EQ(batch.RequestOriginOf(105), nullptr);
  EXPECT_EQ(batch.MessageOf(105), nullptr);
  EXPECT_EQ(batch.RequestOriginOf(100)->operation, RequestOrigin::kWhole);
  EXPECT_EQ(batch.RequestOriginOf(101)->operation, 0u);
  EXPECT_EQ(batch.RequestOriginOf(102)->operation, 1u);
  EXPECT_EQ(batch.RequestOriginOf(103)->operation, 1u);
  EXPECT_EQ(batch.RequestOriginOf(104)->operation, RequestOrigin::kWhole);
}

TEST(BatchErrorsTest, NamesTheObjectAndTheReason) {
  const Step step = TwoOperations();
  Batch batch(100);
  EncodeStep(step, &batch);
  EXPECT_EQ(DescribeErrors(step, batch, {{101, EEXIST, 0}}).message(),
            "Cannot change table inet podgate: set peers4-x: already exists; nothing of this step "
            "was changed");
  EXPECT_EQ(DescribeErrors(step, batch, {{103, EEXIST, 0}}).message(),
            "Cannot change table inet podgate: set peers4-x: one of 5000 elements: already exists; "
            "nothing of this step was changed");
  const Status staleness = DescribeErrors(step, batch, {{101, ENOENT, 0}, {100, ERESTART, 0}});
  EXPECT_TRUE(staleness.IsStale()) << staleness.message();
  const Status whole = DescribeErrors(step, batch, {{100, EPERM, 0}});
  EXPECT_EQ(whole.code(), Code::kPermission);
  EXPECT_NE(whole.message().find("the step as a whole: not permitted"), std::string::npos);
  const Status several =
      DescribeErrors(step, batch, {{101, ENOENT, 0}, {102, ENOENT, 0}, {103, ENOENT, 0}});
  EXPECT_NE(several.message().find("(and 2 more errors)"), std::string::npos) << several.message();
}

// "Does not exist", said of an expression, is about the kernel's own parts.
TEST(BatchErrorsTest, AMissingExpressionNamesItsModule) {
  Rule rule;
  rule.matches = {MatchCtState{}};
  rule.statements = {CountBy{"denied"}, LimitRate{10, 5}, LogGroup{100, "podgate ", 128}};
  rule.action = Reject{};
  const Step step{Phase::kFlip, "podgate", {SetRules{"in", {rule}}}};
  Batch batch(1);
  EncodeStep(step, &batch);
  std::string told;
  for (std::uint32_t offset = 0; offset < batch.MessageOf(3)->nlmsg_len; ++offset) {
    const std::string message = DescribeErrors(step, batch, {{3, ENOENT, offset}}).message();
    if (told.find(message) == std::string::npos) told += message + "\n";
  }
  for (const char* text :
       {"): the kernel has no nf_conntrack and nft_ct (CONFIG_NF_CONNTRACK and CONFIG_NFT_CT)",
        "): its counter does not exist, or the kernel has no nft_objref (CONFIG_NFT_OBJREF)",
        "): the kernel has no nft_limit (CONFIG_NFT_LIMIT); nothing of this step was changed",
        "): the kernel has no nft_log and nfnetlink_log",
        "): the kernel has no nft_reject and nft_reject_inet", "): it, or something it refers to"})
    EXPECT_NE(told.find(text), std::string::npos) << text << "\n" << told;
  EXPECT_EQ(DescribeErrors(step, batch, {{3, EINVAL, 60}}).message().find("the kernel has no"),
            std::string::npos);
}

// An offset that fits nothing still leads to a message about the set.
TEST(BatchErrorsTest, OffsetsThatFitNoElement) {
  const Step step = TwoOperations();
  Batch batch(1);
  EncodeStep(step, &batch);
  for (const std::uint32_t offset : {1u, 20u, 36u, 70'000u, 0xffffffffu}) {
    const Status status = DescribeErrors(step, batch, {{3, EEXIST, offset}});
    EXPECT_EQ(status.code(), Code::kInvalid);
    EXPECT_NE(status.message().find("set peers4-x"), std::string::npos) << status.message();
  }
}

TEST(BatchErrorsTest, EveryErrorHasACodeAndAReason) {
  const struct {
    int error;
    Code code;
  } kExpected[] = {
      {EINVAL, Code::kInvalid},
      {EEXIST, Code::kInvalid},
      {EMLINK, Code::kInvalid},
      {ENOENT, Code::kNotFound},
      {EBUSY, Code::kBusy},
      {ENFILE, Code::kFull},
      {ENOSPC, Code::kFull},
      {EMSGSIZE, Code::kTooBig},
      {ERESTART, Code::kStale},
      {EINTR, Code::kInterrupted},
      {ENOBUFS, Code::kOverrun},
      {EPERM, Code::kPermission},
      {EACCES, Code::kPermission},
      {EOPNOTSUPP, Code::kUnsupported},
      {EAFNOSUPPORT, Code::kUnsupported},
      {EPROTONOSUPPORT, Code::kUnsupported},
      {ENOMEM, Code::kBusy},
      {EAGAIN, Code::kBusy},
      {EIO, Code::kOther},
      {12345, Code::kOther},
  };
  for (const auto& [error, code] : kExpected) {
    EXPECT_EQ(CodeOf(error), code) << error;
    EXPECT_FALSE(Reason(error).empty()) << error;
  }
}

}  // namespace
}  // namespace podgate::nft
