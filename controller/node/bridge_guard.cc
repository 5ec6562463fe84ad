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
    const auto due = [this] { return stopped_ || new_pods_.has_value() || use_changed_; };
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

void BridgeGuard::SetFurtherUse(std::set<std::pair<int, Family>> bridges) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (further_use_ == bridges) return;
  further_use_ = std::move(bridges);
  use_changed_ = true;
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
    use_changed_ = false;
    if (!pods && !report_.looked) return Clock::Time::max();
  }
  const Clock::Time now = clock_->Now();
  const bool all = now >= next_look_at_all_;
  const bool bad = all || now >= next_look_at_bad_;
  if (pods) TakePods(*std::move(pods));
  if (all) next_look_at_all_ = now + kAllEvery;
  if (bad) next_look_at_bad_ = now + kBadEvery;
  seen_.clear();
  ForgetLostBridges();
  for (auto& [key, known] : addresses_) {
    const bool elsewhere = known.attachment.how == Attachment::How::kElsewhere;
    if (all || !known.looked || (bad && elsewhere)) LookAt(key.first, &known);
  }
  FindBridges();
  SeeToFilter(Family::kIPv4);
  SeeToFilter(Family::kIPv6);
  MakeReport();

  Clock::Time next = next_look_at_all_;
  const bool any_bad = std::any_of(addresses_.begin(), addresses_.end(), [](const auto& item) {
    return item.second.attachment.how == Attachment::How::kElsewhere;
  });
  if (any_bad) next = std::min(next, next_look_at_bad_);
  if (!filters_[0].bridges.empty() || !filters_[1].bridges.empty())
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

// A bridge that is made again under its old name is another one, whose switch is off.
void BridgeGuard::ForgetLostBridges() {
  for (auto& [key, known] : addresses_) {
    const bool bridged = known.looked && known.attachment.how == Attachment::How::kBridged;
    if (bridged && LinkOf(known.attachment.bridge) == nullptr) known.looked = false;
  }
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
  std::set<std::pair<int, Family>> uses;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    uses = further_use_;
  }
  std::erase_if(uses, [this](const auto& use) { return LinkOf(use.first) == nullptr; });
  std::set<std::pair<int, Family>> told;
  for (const auto& [key, known] : addresses_) {
    if (known.attachment.how == Attachment::How::kBridged)
      told.emplace(known.attachment.bridge, key.first.family());
  }
  uses.insert(told.begin(), told.end());
  std::array<std::map<int, Bridge>, 2> bridges;
  for (const auto& [index, family] : uses) {
    const auto [it, fresh] = bridges.at(PlaceOf(family)).try_emplace(index);
    const Link* const link = fresh ? LinkOf(index) : nullptr;
    if (link == nullptr) continue;
    const auto& before = filters_.at(PlaceOf(family)).bridges;
    const auto old = before.find(index);
    it->second = {.name = link->name,
                  .on = link->Calls(family),
                  .was_on = old != before.end() && old->second.on,
                  .told = told.contains({index, family})};
  }
  for (std::size_t i = 0; i < bridges.size(); ++i)
    filters_.at(i).bridges = std::move(bridges.at(i));
}

// ---- br_netfilter

void BridgeGuard::SeeToFilter(Family family) {
  using State = BridgeFilter::State;
  FilterState& filter = filters_.at(PlaceOf(family));
  filter.problem.clear();
  filter.further_problem.clear();
  if (!filter.bridges.empty()) {
    const BridgeFilter sysctl = links_->Filter(family);
    nft::Status refusal;
    if (may_set_ && sysctl.state != State::kMissing) refusal = TurnOn(family);
    filter.unreadable = sysctl.state == State::kUnreadable;
    for (auto& [index, bridge] : filter.bridges)
      bridge.bypassed = sysctl.state == State::kOff ? !bridge.on : sysctl.state != State::kOn;
    filter.problem = WhyBypassed(family, sysctl, refusal, true);
    filter.further_problem = WhyBypassed(family, sysctl, refusal, false);
  }
  Tell(family);
  TellFurther(family);
}

// Also where the sysctl is on: when somebody turns it off, no packet bypasses the rules. The first
// refusal.
nft::Status BridgeGuard::TurnOn(Family family) {
  nft::Status refusal;
  for (auto& [index, bridge] : filters_.at(PlaceOf(family)).bridges) {
    if (bridge.on) continue;
    const nft::Status set = links_->TurnFilterOn(index, family);
    if (!set.ok() && refusal.ok()) refusal = set;
    // What counts is what the bridge says afterwards.
    seen_.erase(index);
    const Link* const link = LinkOf(index);
    bridge.on = link != nullptr && link->Calls(family);
    if (!bridge.on) continue;
    if (bridge.was_on) {
      log_->Warn(LogMessages::kBridgeFilteringReenabled,
                 {{"bridge", bridge.name}, {"family", NameOf(family)}});
    } else {
      log_->Info(LogMessages::kBridgeFilteringEnabled,
                 {{"bridge", bridge.name}, {"family", NameOf(family)}});
    }
  }
  return refusal;
}

// Of the bridges where statuses tell addresses, or of the others. Empty: the rules see the packets
// of each of them. A sentence otherwise.
std::string BridgeGuard::WhyBypassed(Family family, const BridgeFilter& sysctl,
                                     const nft::Status& refusal, bool told) const {
  using State = BridgeFilter::State;
  std::vector<std::string> names;
  std::vector<std::string> commands;
  for (const auto& [index, bridge] : filters_.at(PlaceOf(family)).bridges) {
    if (!bridge.bypassed || bridge.told != told) continue;
    names.push_back(bridge.name);
    commands.push_back(
        fmt::format("`ip link set {} type bridge {} 1`", bridge.name, BridgeSwitch(family)));
  }
  if (names.empty()) return "";
  const std::string where =
      fmt::format("{} packets between {} on bridge {}", NameOf(family),
                  told ? "pods" : "addresses that no pod's status lists", Join(names));
  if (sysctl.state == State::kMissing)
    return where +
           " bypass the rules: br_netfilter is not loaded; run `modprobe br_netfilter` on this "
           "node, and list it in /etc/modules-load.d so that it is loaded at boot";
  if (sysctl.state == State::kUnreadable)
    return fmt::format(
        "{} may bypass the rules: the agent cannot read {} ({}), and so cannot tell whether "
        "br_netfilter is loaded; make /proc/sys readable for the agent",
        where, BridgeSysctl(family), sysctl.problem);
  std::string why = "does not turn it on (--bridge-filter=check or --dry-run)";
  if (may_set_)
    why = fmt::format("cannot turn it on ({})", refusal.ok() ? "it stays 0" : refusal.message());
  return fmt::format(
      "{} bypass the rules: {} of the bridge is 0, {} is 0, and the agent {}; run {} on this node",
      where, BridgeSwitch(family), BridgeSysctl(family), why, Join(commands));
}

void BridgeGuard::Tell(Family family) {
  FilterState& filter = filters_.at(PlaceOf(family));
  const Clock::Time now = clock_->Now();
  if (filter.problem.empty()) {
    if (std::exchange(filter.told, false) && !filter.bridges.empty())
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

// No Event, and no word when it is over: a pod can begin and end this as it likes.
void BridgeGuard::TellFurther(Family family) {
  FilterState& filter = filters_.at(PlaceOf(family));
  const Clock::Time now = clock_->Now();
  if (filter.further_problem.empty() || now < filter.tell_further) return;
  filter.tell_further = now + kTellEvery;
  log_->Warn(filter.unreadable ? LogMessages::kBridgeFilteringUnknown
                               : LogMessages::kBridgedTrafficBypasses,
             {{"family", NameOf(family)}, {"problem", filter.further_problem}});
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
    if (known.attachment.how != Attachment::How::kBridged) continue;
    const auto& bridges = filters_.at(PlaceOf(key.first.family())).bridges;
    const auto bridge = bridges.find(known.attachment.bridge);
    if (bridge != bridges.end() && bridge->second.bypassed) unpoliced.insert(known.pod);
  }
  for (const FilterState& filter : filters_) {
    if (!filter.problem.empty()) report.problems.push_back(filter.problem);
  }
  if (!elsewhere.empty()) {
    report.note = "policies cannot be enforced for " + Join(elsewhere) +
                  "; attach these pods by veth pairs or a bridge of this node, or do not rely "
                  "on policies for "
                  "them";
  }
  for (const FilterState& filter : filters_) {
    if (filter.further_problem.empty()) continue;
    report.note += (report.note.empty() ? "" : "; ") + filter.further_problem;
  }
  report.unpoliced_pods = unpoliced.size();
  const std::lock_guard<std::mutex> lock(mutex_);
  report_ = std::move(report);
}

}  // namespace podgate::controller
