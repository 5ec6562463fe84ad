#include "controller/agent/tombstone_book.h"

#include <algorithm>

namespace podgate::controller {
namespace {

using std::chrono::seconds;

}  // namespace

TombstoneBook::Key TombstoneBook::KeyOf(const nft::Flow& tombstone) {
  return {tombstone.protocol, tombstone.original, tombstone.original_zone};
}

TombstoneBook::Entries::iterator TombstoneBook::Find(const nft::Flow& tombstone) {
  const auto place = places_.find(KeyOf(tombstone));
  return place == places_.end() ? entries_.end() : entries_.find(place->second);
}

void TombstoneBook::Put(const nft::Flow& tombstone, std::uint32_t flow_seconds, Clock::Time now) {
  Forget(tombstone);
  const Clock::Time expires = now + seconds(tombstone.timeout_seconds);
  const Clock::Time until =
      nft::IsRenewable(tombstone) ? std::max(expires, now + seconds(flow_seconds)) : expires;
  Add(tombstone, expires, until, now);
}

void TombstoneBook::Found(const nft::Flow& tombstone, Clock::Time now) {
  const Clock::Time expires = now + seconds(tombstone.timeout_seconds);
  if (const auto known = Find(tombstone); known != entries_.end()) {
    known->second.walk = walk_;
    SetExpiry(known, expires, now);
    return;
  }
  Add(tombstone, expires,
      nft::IsRenewable(tombstone) ? std::max(expires, now + kLongestDenial) : expires, now);
}

void TombstoneBook::Add(const nft::Flow& tombstone, Clock::Time expires, Clock::Time until,
                        Clock::Time now) {
  const std::uint64_t number = next_++;
  const auto entry = entries_.insert({number, {tombstone, expires, until, expires, walk_}}).first;
  places_[KeyOf(tombstone)] = number;
  due_.insert({expires, number});
  SetExpiry(entry, expires, now);
}

void TombstoneBook::SetExpiry(Entries::iterator entry, Clock::Time expires, Clock::Time now) {
  entry->second.expires = expires;
  if (!nft::IsRenewable(entry->second.tombstone)) {
    SetDue(entry, expires);
  } else if (expires > now + seconds(nft::kTombstoneSeconds + 1)) {
    SetDue(entry, now);  // an earlier version of the agent put it for days
  } else {
    SetDue(entry, expires < entry->second.until ? expires - kRenewBefore : expires);
  }
}

void TombstoneBook::SetDue(Entries::iterator entry, Clock::Time due) {
  due_.erase({entry->second.due, entry->first});
  entry->second.due = due;
  due_.insert({due, entry->first});
}

void TombstoneBook::Erase(Entries::iterator entry) {
  due_.erase({entry->second.due, entry->first});
  places_.erase(KeyOf(entry->second.tombstone));
  entries_.erase(entry);
}

void TombstoneBook::Forget(const nft::Flow& tombstone) {
  if (const auto entry = Find(tombstone); entry != entries_.end()) Erase(entry);
}

void TombstoneBook::EndWalk() {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto here = entry++;
    if (here->second.walk < walk_) Erase(here);
  }
}

Clock::Time TombstoneBook::NextDue() const {
  return due_.empty() ? Clock::Time::max() : due_.begin()->first;
}

std::vector<nft::Flow> TombstoneBook::TakeDue(Clock::Time now, std::size_t most) {
  std::vector<nft::Flow> renew;
  for (auto at = due_.begin(); at != due_.end() && at->first <= now && renew.size() < most;) {
    const auto entry = entries_.find((at++)->second);
    if (entry->second.expires <= now) {
      Erase(entry);
    } else {
      renew.push_back(entry->second.tombstone);
    }
  }
  return renew;
}

void TombstoneBook::Renewed(const nft::Flow& tombstone, Clock::Time now) {
  if (const auto entry = Find(tombstone); entry != entries_.end())
    SetExpiry(entry, now + seconds(nft::kTombstoneSeconds), now);
}

void TombstoneBook::NotRenewed(const nft::Flow& tombstone, Clock::Time now) {
  if (const auto entry = Find(tombstone); entry != entries_.end()) SetDue(entry, now + kRetry);
}

std::vector<nft::Flow> TombstoneBook::All() const { return Oldest(entries_.size()); }

std::vector<nft::Flow> TombstoneBook::Oldest(std::size_t count) const {
  std::vector<nft::Flow> oldest;
  for (auto entry = entries_.begin(); entry != entries_.end() && oldest.size() < count; ++entry)
    oldest.push_back(entry->second.tombstone);
  return oldest;
}

}  // namespace podgate::controller
