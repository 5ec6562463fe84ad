#include "controller/node/address_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace podgate::controller {
namespace {

using nft::Status;

// Names in one sentence, and addresses of one pod.
constexpr std::size_t kMaxNamed = 5;

template <typename Items, typename Text>
std::string Join(const Items& items, const Text& text) {
  std::string joined;
  for (std::size_t i = 0; i < std::min(items.size(), kMaxNamed); ++i)
    joined += (i == 0 ? "" : ", ") + text(items[i]);
  if (items.size() > kMaxNamed) joined += fmt::format(" and {} more", items.size() - kMaxNamed);
  return joined;
}

std::string Join(const std::vector<ipset::Address>& addresses) {
  return Join(addresses, [](const ipset::Address& address) { return address.ToString(); });
}

bool Same(const LocalPods& a, const LocalPods& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.key == y.key && x.uid == y.uid && x.addresses == y.addresses;
  });
}

}  // namespace

void AddressWatch::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopped_) {
    const Clock::Time next = NextLookLocked();
    if (next == Clock::Time::max()) {
      changed_.wait(lock);
    } else if (clock_->Now() < next) {
      changed_.wait_until(lock, next);
    } else {
      lock.unlock();
      Look();
      lock.lock();
    }
  }
}

void AddressWatch::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void AddressWatch::SetPods(LocalPods pods) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (pods_told_ && Same(*pods_told_, pods)) return;
  pods_told_ = std::move(pods);
  due_ = true;
  changed_.notify_all();
}

void AddressWatch::Notice() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!std::exchange(due_, true)) changed_.notify_all();
}

Clock::Time AddressWatch::NextLook() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return NextLookLocked();
}

Clock::Time AddressWatch::NextLookLocked() const {
  if (!pods_told_) return Clock::Time::max();
  if (!last_look_) return Clock::Time::min();
  if (due_) return *last_look_ + std::max<Clock::Duration>(kLeastPause, pause_);
  if (pods_told_->empty()) return Clock::Time::max();
  return *last_look_ + std::max<Clock::Duration>(kEvery, pause_);
}

std::uint64_t AddressWatch::looks() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return looks_;
}

FurtherAddresses AddressWatch::found() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return further_;
}

std::vector<compiler::LinkOwner> AddressWatch::link_owners() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return owned_links_;
}

AddressWatch::Report AddressWatch::report() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return report_;
}

void AddressWatch::Look() {
  LocalPods pods;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    due_ = false;
    pods = pods_told_.value_or(LocalPods());
  }
  const Clock::Time begun = clock_->Now();
  const Clock::Duration used_before = cpu_time_();
  // Before anything is read: what is told meanwhile may not have been seen.
  reader_->DiscardEvents();
  NodeSpaces spaces;
  refusal_ = Status();
  const Status status = pods.empty() ? Status() : Read(&spaces);
  std::map<ipset::Address, Way> ways;
  const auto way_to = [&](const ipset::Address& address) {
    const auto [way, fresh] = ways.try_emplace(address);
    if (!fresh) return way->second;
    way->second = reader_->WayTo(address);
    if (way->second.kind != Way::Kind::kUnknown) return way->second;
    // Whatever the reason, it stops at this address: its owner may have chosen it for that.
    if (const auto before = ways_.find(address); before != ways_.end())
      way->second = before->second;
    if (refusal_.ok())
      refusal_ = Status(Status::Code::kUnavailable,
                        "the kernel does not tell the route to " + address.ToString());
    return way->second;
  };
  NamespaceOwners after = owners_;
  const NamespaceOwners::Owners owners = after.Find(spaces.namespaces, pods, way_to);
  FurtherAddresses further = FindFurther(spaces, owners, pods, way_to);
  std::vector<compiler::LinkOwner> owned_links;
  Report report;
  // What was found before counts until a look comes to its end.
  if (status.ok()) {
    owners_ = std::move(after);
    ways_ = std::move(ways);
    owned_links = link_owners_.Find(spaces, owners, pods, further, [this](int netns) {
      auto links = reader_->LinksIn(netns);
      return links.ok() ? std::move(links).value() : std::vector<NodeLink>();
    });
    Tell(further, &report);
    // What every pod has is not told.
    AddLinkLocal(spaces, owned_links, &further);
    if (const auto own = reader_->AddressesIn(kOwnNetns); own.ok())
      further.broadcast = BroadcastOf(spaces, own.value());
    last_good_ = report;
  } else {
    report = last_good_;
    further = found();
    owned_links = link_owners();
  }
  TellFailure(status, &report);
  const Clock::Time ended = clock_->Now();
  durations_.Observe(std::chrono::duration<double>(ended - begun).count());
  report.look = durations_;
  bool changed = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    last_look_ = ended;
    pause_ = std::min<Clock::Duration>(kMostPause, kPauseShare * (cpu_time_() - used_before));
    changed = status.ok() && (looks_ == 0 || further != further_ || owned_links != owned_links_);
    looks_ += status.ok() ? 1 : 0;
    further_ = std::move(further);
    owned_links_ = std::move(owned_links);
    report_ = std::move(report);
  }
  if (changed) found_();
}

// An error: nothing was found out. A namespace that is gone holds nothing.
Status AddressWatch::Read(NodeSpaces* spaces) {
  auto links = reader_->Links();
  if (!links.ok()) return links.status();
  *spaces = GroupLinks(links.value());
  for (PodNamespace& space : spaces->namespaces) {
    auto held = reader_->AddressesIn(space.netns);
    if (held.ok()) {
      space.held = std::move(held).value();
      std::sort(space.held.addresses.begin(), space.held.addresses.end());
      continue;
    }
    if (held.status().code() == Status::Code::kPermission) {
      refusal_ = held.status();
    } else if (held.status().code() != Status::Code::kInvalid) {
      return held.status();
    }
  }
  return {};
}

// ---- what is said

void AddressWatch::TellFailure(const Status& status, Report* report) {
  const Status& worse = status.ok() ? refusal_ : status;
  if (worse.ok()) {
    failing_ = false;
    return;
  }
  report->note += fmt::format(
      "{}the agent cannot read the addresses in the network namespaces of pods ({}), and covers "
      "only those of their statuses and those that it found before",
      report->note.empty() ? "" : "; ", worse.message());
  if (std::exchange(failing_, true)) return;
  log_->Warn(LogMessages::kAddressesUnreadable, {{"reason", worse.message()}});
}

void AddressWatch::Tell(const FurtherAddresses& further, Report* report) {
  std::vector<std::string> uncovered;
  std::map<compiler::ObjectKey, Said> said;
  for (const FurtherAddresses::OfPod& pod : further.pods) {
    Said& now = said[pod.key];
    if (const auto before = said_.find(pod.key); before != said_.end()) {
      now.taken = before->second.taken;
      now.uncovered = before->second.uncovered;
    }
    report->further += pod.taken.size();
    report->uncovered += pod.uncovered.size() + (pod.more ? 1 : 0);
    if (std::exchange(now.taken, pod.taken) != pod.taken && !pod.taken.empty()) {
      log_->LogAbout(pod.key.ns, LogLevel::kInfo, LogMessages::kFurtherAddresses,
                     {{"pod", pod.key.ToString()}, {"addresses", Join(pod.taken)}});
    }
    if (pod.uncovered.empty() && !pod.more) {
      now.uncovered = false;
      continue;
    }
    const std::string which = pod.uncovered.empty() ? "more than are looked at"
                              : pod.more            ? Join(pod.uncovered) + " and others"
                                                    : Join(pod.uncovered);
    uncovered.push_back(fmt::format("{} ({})", pod.key.ToString(), which));
    if (std::exchange(now.uncovered, true)) continue;
    log_->LogAbout(
        pod.key.ns, LogLevel::kWarning, LogMessages::kAddressesNotCovered,
        {{"pod", pod.key.ToString()},
         {"addresses", which},
         {"reason", "the node's routes do not lead to the pod for them, or the pod has too many"}});
  }
  const Clock::Time now = clock_->Now();
  std::vector<std::string> missing;
  for (const compiler::ObjectKey& pod : further.without_namespace) {
    Said& known = said[pod];
    if (const auto before = said_.find(pod); before != said_.end()) {
      known.missing = before->second.missing;
      known.missing_since = before->second.missing_since;
    }
    if (!known.missing_since) known.missing_since = now;
    if (now - *known.missing_since < kGrace) continue;
    missing.push_back(pod.ToString());
    if (std::exchange(known.missing, true)) continue;
    log_->LogAbout(pod.ns, LogLevel::kWarning, LogMessages::kNamespaceNotFound,
                   {{"pod", pod.ToString()}});
  }
  said_ = std::move(said);
  report->without_namespace = missing.size();
  const auto text = [](const std::string& item) { return item; };
  if (!uncovered.empty()) {
    report->note = "no rule covers addresses of " + Join(uncovered, text) +
                   ": the node's routes do not lead to the pod for them, or the pod has too many";
  }
  if (!missing.empty()) {
    report->note += fmt::format(
        "{}the network namespace of {} was not found: only the addresses of the pod's status are "
        "covered",
        report->note.empty() ? "" : "; ", Join(missing, text));
  }
}

}  // namespace podgate::controller
