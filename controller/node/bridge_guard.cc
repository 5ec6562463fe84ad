#include "controller/node/bridge_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace podgate::controller {
namespace {

using ipset::Family;

constexpr std::chrono::milliseconds kFilterEvery{500};
constexpr std::chrono::seconds kBadEvery{1};
constexpr std::chrono::minutes kAllEvery{1};
constexpr std::chrono::minutes kTellEvery{10};
// Names in one sentence.
constexpr std::size_t kMaxNamed = 5;

const char* NameOf(Family family) { return family == Family::kIPv4 ? "IPv4" : "IPv6"; }

std::string Join(const std::vector<std::string>& items) {
  std::string joined;
  for (std::size_t i = 0; i < std::min(items.size(), kMaxNamed); ++i)
    joined += (i == 0 ? "" : ", ") + items[i];
  if (items.size() > kMaxNamed) joined += fmt::format(" and {} more", items.size() - kMaxNamed);
  return joined;
}

}  // namespace

void BridgeGuard::Run() {
  for (;;) {
    const Clock::Time next = Look();
    std::unique_lock<std::mutex> lock(mutex_);
    const auto due = [this] { return stopped_ || new_pods_.has_value(); };
    if (next == Clock::Time::max()) {
      changed_.wait(lock, due);
    } else {
      changed_.wait_until(lock, next, due);
    }
    if (stopped_) return;
  }
}

void BridgeGuard::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void BridgeGuard::SetPods(Pods pods) {
  const std::lock_guard<std::mutex> lock(mutex_);
  new_pods_ = std::move(pods);
  changed_.notify_all();
}

BridgeGuard::Report BridgeGuard::report() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return report_;
}

Clock::Time BridgeGuard::Look() {
  std::optional<Pods> pods;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    pods = std::exchange(new_pods_, std::nullopt);
    if (!pods && !report_.looked) return Clock::Time::max();
  }
  const Clock::Time now = clock_->Now();
  const bool all = now >= next_look_at_all_;
  const bool bad = all || now >= next_look_at_bad_;
  if (pods) TakePods(*std::move(pods));
  if (all) next_look_at_all_ = now + kAllEvery;
  if (bad) next_look_at_bad_ = now + kBadEvery;
  seen_.clear();
  for (auto& [key, known] : addresses_) {
    if (all || !known.looked || (bad && MayTurn(key.first.family(), known.attachment)))
      LookAt(key.first, &known);
  }
  FindBridges();
  SeeToFilter(Family::kIPv4);
  SeeToFilter(Family::kIPv6);
  MakeReport();

  Clock::Time next = next_look_at_all_;
  const bool any_bad = std::any_of(addresses_.begin(), addresses_.end(), [this](const auto& item) {
    return MayTurn(item.first.first.family(), item.second.attachment);
  });
  if (any_bad) next = std::min(next, next_look_at_bad_);
  if (filters_[0].bridged || filters_[1].bridged)
    next = std::min<Clock::Time>(next, now + kFilterEvery);
  return next;
}

// ---- where pods hang

void BridgeGuard::TakePods(Pods pods) {
  decltype(addresses_) addresses;
  for (const auto& pod : pods) {
    for (const ipset::Address& address : pod.addresses) {
      const std::pair key(address, pod.key);
      const auto before = addresses_.find(key);
      const bool same = before != addresses_.end() && before->second.uid == pod.uid;
      addresses[key] = same ? std::move(before->second) : PodAddress{pod.key, pod.uid};
    }
  }
  addresses_ = std::move(addresses);
}

// What is worth a look every second: what is not right, and a bridge's own switch, which may be
// turned on and off like the one for all.
bool BridgeGuard::MayTurn(Family family, const Attachment& attachment) const {
  if (attachment.how == Attachment::How::kElsewhere || attachment.bridge_calls) return true;
  const bool problem = !filters_.at(PlaceOf(family)).problem.empty();
  return attachment.how == Attachment::How::kBridged && problem;
}

const Link* BridgeGuard::LinkOf(int index) {
  auto [it, fresh] = seen_.try_emplace(index);
  if (fresh && index != 0) {
    auto link = links_->LinkOf(index);
    if (link.ok()) it->second = std::move(link).value();
  }
  return it->second ? &*it->second : nullptr;
}

void BridgeGuard::LookAt(const ipset::Address& address, PodAddress* known) {
  const Route route = links_->RouteTo(address);
  const Link* link = route.kind == Route::Kind::kDevice ? LinkOf(route.device) : nullptr;
  known->attachment = Judge(route, link, address.family());
  known->looked = true;
  const Clock::Time now = clock_->Now();
  if (known->attachment.how != Attachment::How::kElsewhere) {
    known->elsewhere_since = {};
    if (!std::exchange(known->told, false)) return;
    log_->Info(LogMessages::kPodTrafficFiltered,
               {{"pod", known->pod.ToString()}, {"address", address.ToString()}});
    return;
  }
  if (known->elsewhere_since == Clock::Time()) known->elsewhere_since = now;
  if (now - known->elsewhere_since < kGrace || std::exchange(known->told, true)) return;
  TellElsewhere(address, *known);
}

void BridgeGuard::TellElsewhere(const ipset::Address& address, const PodAddress& known) {
  log_->Error(LogMessages::kPodNotEnforceable,
              {{"pod", known.pod.ToString()},
               {"address", address.ToString()},
               {"reason", "the address " + known.attachment.reason},
               {"do",
                "attach the pod by a veth pair or a bridge of this node, or do not rely on "
                "policies for it"}});
  if (events_ == nullptr) return;
  ClusterEvent event;
  event.about = ClusterEvent::About::kPod;
  event.key = known.pod;
  event.uid = known.uid;
  event.reason = "NotEnforceable";
  event.action = "Report";
  event.note = fmt::format(
      "Policies cannot be enforced for this pod: its address {} {}. Attach the pod by a veth pair "
      "or "
      "a bridge of its node, or do not rely on policies for it.",
      address.ToString(), known.attachment.reason);
  events_->Tell(std::move(event));
}

void BridgeGuard::FindBridges() {
  std::array<std::set<std::string>, 2> bridges;
  for (FilterState& filter : filters_) filter.bridged = false;
  for (const auto& [key, known] : addresses_) {
    if (known.attachment.how != Attachment::How::kBridged) continue;
    const std::size_t place = PlaceOf(key.first.family());
    filters_.at(place).bridged = true;
    if (!known.attachment.bridge_calls) bridges.at(place).insert(known.attachment.bridge);
  }
  for (std::size_t i = 0; i < bridges.size(); ++i)
    filters_.at(i).bridges.assign(bridges.at(i).begin(), bridges.at(i).end());
}

// ---- br_netfilter

void BridgeGuard::SeeToFilter(Family family) {
  FilterState& filter = filters_.at(PlaceOf(family));
  filter.problem = filter.bridged ? WhyNotOn(family) : "";
  Tell(family);
}

// Empty: it is on, or every bridge has its own switch on.
std::string BridgeGuard::WhyNotOn(Family family) {
  FilterState& filter = filters_.at(PlaceOf(family));
  const char* const sysctl = BridgeSysctl(family);
  BridgeFilter state = links_->Filter(family);
  std::string refusal;
  if (state.state == BridgeFilter::State::kOff && may_set_ && !filter.bridges.empty()) {
    const nft::Status set = links_->TurnFilterOn(family);
    refusal = set.message();
    if (set.ok()) state = links_->Filter(family);
    if (state.state == BridgeFilter::State::kOn && filter.was_on) {
      log_->Warn(LogMessages::kBridgeFilteringReenabled, {{"sysctl", sysctl}});
    } else if (state.state == BridgeFilter::State::kOn) {
      log_->Info(LogMessages::kBridgeFilteringEnabled,
                 {{"sysctl", sysctl}, {"bridge", Join(filter.bridges)}});
    }
  }
  filter.was_on = state.state == BridgeFilter::State::kOn;
  filter.some = false;
  filter.unreadable = state.state == BridgeFilter::State::kUnreadable;
  switch (state.state) {
    case BridgeFilter::State::kOn:
      return "";
    case BridgeFilter::State::kMissing:
      return fmt::format(
          "{} packets between pods on the same bridge bypass the rules: br_netfilter is not "
          "loaded; "
          "run `modprobe br_netfilter` on this node, and list it in /etc/modules-load.d so that it "
          "is loaded at boot",
          NameOf(family));
    case BridgeFilter::State::kUnreadable:
      return fmt::format(
          "{} packets between pods on the same bridge may bypass the rules: the agent cannot read "
          "{} "
          "({}); make /proc/sys readable for the agent",
          NameOf(family), sysctl, state.problem);
    case BridgeFilter::State::kOff:
      break;
  }
  if (filter.bridges.empty()) return "";
  filter.some = true;
  return fmt::format(
      "{} packets between pods on bridge {} bypass the rules: {} is 0 and the agent {}; run "
      "`sysctl -w {}=1` on this node, or set bridge.sysctl=init in the chart",
      NameOf(family), Join(filter.bridges), sysctl,
      may_set_ ? fmt::format("cannot set it ({})", refusal.empty() ? "it stays 0" : refusal)
               : "does not set it (--bridge-sysctl=check or --dry-run)",
      sysctl);
}

void BridgeGuard::Tell(Family family) {
  FilterState& filter = filters_.at(PlaceOf(family));
  const Clock::Time now = clock_->Now();
  if (filter.problem.empty()) {
    if (std::exchange(filter.told, false) && filter.bridged)
      log_->Info(LogMessages::kBridgedTrafficFiltered, {{"family", NameOf(family)}});
    return;
  }
  if (filter.told && now < filter.tell_again) return;
  filter.told = true;
  filter.tell_again = now + kTellEvery;
  log_->Error(filter.unreadable ? LogMessages::kBridgeFilteringUnknown
                                : LogMessages::kBridgedTrafficBypasses,
              {{"family", NameOf(family)}, {"problem", filter.problem}});
  if (events_ == nullptr) return;
  ClusterEvent event;
  event.reason = "RulesBypassed";
  event.action = "Report";
  event.note = filter.problem;
  events_->Tell(std::move(event));
}

// ---- the report

void BridgeGuard::MakeReport() {
  Report report;
  report.looked = true;
  std::vector<std::string> elsewhere;
  std::set<compiler::ObjectKey> unpoliced;
  for (const auto& [key, known] : addresses_) {
    if (known.told) {
      const bool first = unpoliced.insert(known.pod).second;
      if (first)
        elsewhere.push_back(fmt::format("{} ({} {})", known.pod.ToString(), key.first.ToString(),
                                        known.attachment.reason));
    }
    const FilterState& filter = filters_.at(PlaceOf(key.first.family()));
    const bool saved = filter.some && known.attachment.bridge_calls;
    if (known.attachment.how == Attachment::How::kBridged && !filter.problem.empty() && !saved)
      unpoliced.insert(known.pod);
  }
  for (const FilterState& filter : filters_) {
    if (!filter.problem.empty()) report.problems.push_back(filter.problem);
  }
  if (!elsewhere.empty()) {
    report.elsewhere = "policies cannot be enforced for " + Join(elsewhere) +
                       "; attach these pods by veth pairs or a bridge of this node, or do not rely "
                       "on policies for "
                       "them";
  }
  report.unpoliced_pods = unpoliced.size();
  const std::lock_guard<std::mutex> lock(mutex_);
  report_ = std::move(report);
}

}  // namespace podgate::controller
