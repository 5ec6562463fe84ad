#include "controller/agent/contest_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace podgate::controller {
namespace {

constexpr std::size_t kMostNamed = 4;  // pods

std::string Names(const std::vector<compiler::Pod>& pods) {
  std::string text;
  for (std::size_t i = 0; i < std::min(pods.size(), kMostNamed); ++i)
    text += fmt::format("{}{} (node {})", i == 0 ? "" : ", ", pods[i].key.ToString(), pods[i].node);
  if (pods.size() > kMostNamed) text += fmt::format(" and {} more", pods.size() - kMostNamed);
  return text;
}

}  // namespace

void ContestReport::Follow(const compiler::Pipeline& pipeline) {
  if (std::exchange(seen_, pipeline.contested_changes()) == pipeline.contested_changes()) return;
  const std::set<compiler::Address>& contested = pipeline.contested();
  std::erase_if(told_, [&](const compiler::Address& a) { return !contested.contains(a); });
  for (const compiler::Address& address : contested) {
    if (told_.size() == kMost) break;
    if (told_.contains(address)) continue;
    const std::vector<compiler::Pod> pods = pipeline.PodsAt(address);
    const bool local = std::any_of(pods.begin(), pods.end(),
                                   [this](const compiler::Pod& pod) { return pod.node == node_; });
    if (!local) continue;
    told_.insert(address);
    Tell(address, pods);
  }
}

void ContestReport::Tell(const compiler::Address& address, const std::vector<compiler::Pod>& pods) {
  log_->Warn(LogMessages::kAddressContested,
             {{"address", address.ToString()}, {"pods", Names(pods)}});
  if (events_ == nullptr) return;
  for (const compiler::Pod& pod : pods) {
    if (pod.node != node_) continue;
    ClusterEvent event;
    event.about = ClusterEvent::About::kPod;
    event.key = pod.key;
    event.uid = pod.uid;
    event.reason = "AddressContested";
    event.action = "Isolate";
    event.note = fmt::format(
        "Address {} is claimed by pods {}. On this node it is isolated if any pod here that claims "
        "it is; elsewhere policies allow it only what they allow all of them.",
        address.ToString(), Names(pods));
    events_->Tell(std::move(event));
    return;
  }
}

}  // namespace podgate::controller
