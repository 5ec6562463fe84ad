#include "controller/node/kernel_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace podgate::controller {
namespace {

std::string Sentence(nft::KernelPart part) {
  const nft::KernelPartNames names = nft::NamesOf(part);
  return fmt::format(
      "{}, so {}; load the module ({}), which some systems keep in a package of its own",
      nft::DescribeMissing(part),
      nft::OnlyForLogging(part)          ? "denied packets are dropped and counted but not logged"
      : part == nft::KernelPart::kReject ? "the agent cannot enforce policies with --deny=reject"
                                         : "the agent cannot enforce policies",
      names.module);
}

constexpr const char* kNoConntrackNetlink =
    "the kernel has no nf_conntrack_netlink (CONFIG_NF_CT_NETLINK), so established flows that a "
    "change denies continue; load the module (nf_conntrack_netlink), which some systems keep in a "
    "package of its own";

}  // namespace

void KernelParts::Look(std::uint64_t failures) {
  const bool missing = !needed_.empty() || !optional_.empty();
  const Clock::Time now = clock_->Now();
  if (looked_ && ((!missing && failures == failures_) || now < next_look_)) return;
  looked_ = true;
  next_look_ = now + kLookAgain;
  failures_ = failures;
  const auto parts = nft::FindMissingParts(kernel_, reject_);
  if (!parts.ok()) return;  // the next change meets the same and says it
  std::vector<std::string> needed;
  std::vector<std::string> optional;
  can_log_ = true;
  for (const nft::KernelPart part : parts.value()) {
    const bool logging = nft::OnlyForLogging(part);
    can_log_ = can_log_ && !logging;
    (logging ? optional : needed).push_back(Sentence(part));
  }
  if (ask_conntrack_ && needed.empty() &&
      ask_conntrack_().code() == nft::Status::Code::kUnsupported)
    optional.emplace_back(kNoConntrackNetlink);
  const bool same = needed == needed_ && optional == optional_;
  needed_ = std::move(needed);
  optional_ = std::move(optional);
  if (!same) Tell();
}

void KernelParts::Tell() const {
  if (needed_.empty() && optional_.empty()) {
    log_->Info(LogMessages::kKernelComplete);
    return;
  }
  std::string note;
  const auto add = [&note](const std::string& sentence) {
    note += fmt::format("{}{}.", note.empty() ? "On this node " : " Also, ", sentence);
  };
  for (const std::string& sentence : needed_) {
    log_->Error(LogMessages::kKernelPartMissing, {{"problem", sentence}});
    add(sentence);
  }
  for (const std::string& sentence : optional_) {
    log_->Warn(LogMessages::kKernelPartMissing, {{"problem", sentence}});
    add(sentence);
  }
  if (events_ == nullptr) return;
  ClusterEvent event;
  event.reason = "KernelPartMissing";
  event.action = "Report";
  event.note = std::move(note);
  events_->Tell(std::move(event));
}

}  // namespace podgate::controller
