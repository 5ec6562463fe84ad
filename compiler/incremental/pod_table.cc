#include "compiler/incremental/pod_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace podgate::compiler {
namespace {

std::string TextOf(const Pod& pod) {
  std::string text;
  text.reserve(pod.key.name.size() + pod.uid.size() + pod.created.size());
  text += pod.key.name;
  text += pod.uid;
  text += pod.created;
  return text;
}

}  // namespace

const PodRecord* PodTable::Find(const ObjectKey& key) const {
  const Symbol ns = symbols_->Find(key.ns);
  if (ns == kNoSymbol) return nullptr;
  const auto it = pods_.find(Name{ns, key.name});
  return it == pods_.end() ? nullptr : it->get();
}

ObjectKey PodTable::KeyOf(const PodRecord& record) const {
  return {symbols_->Text(record.identity->ns), std::string(record.name())};
}

Pod PodTable::ToPod(const PodRecord& record) const {
  Pod pod;
  pod.key = KeyOf(record);
  pod.uid = record.uid();
  for (const auto& [key, value] : *record.identity->labels)
    pod.labels.emplace_back(symbols_->Text(key), symbols_->Text(value));
  std::sort(pod.labels.begin(), pod.labels.end());
  pod.node = symbols_->Text(record.node);
  pod.host_network = record.host_network;
  pod.finished = record.finished;
  pod.still_running = record.still_running;
  pod.created = record.created();
  pod.addresses = record.addresses;
  if (record.hosts != nullptr) pod.host_addresses = record.hosts->second;
  pod.ports = *record.ports;
  return pod;
}

bool PodTable::Holds(const PodRecord& record, const Pod& pod) const {
  if (record.uid() != pod.uid || record.created() != pod.created ||
      record.host_network != pod.host_network || record.finished != pod.finished ||
      record.still_running != pod.still_running || record.addresses != pod.addresses ||
      *record.ports != pod.ports || symbols_->Text(record.node) != pod.node)
    return false;
  if (record.hosts == nullptr ? !pod.host_addresses.empty()
                              : record.hosts->second != pod.host_addresses)
    return false;
  const InternedLabels& labels = *record.identity->labels;
  return labels.size() == pod.labels.size() &&
         std::all_of(pod.labels.begin(), pod.labels.end(), [&](const auto& label) {
           const Symbol key = symbols_->Find(label.first);
           const Symbol value = symbols_->Find(label.second);
           return key != kNoSymbol && value != kNoSymbol &&
                  std::binary_search(labels.begin(), labels.end(), std::pair(key, value));
         });
}

Identity* PodTable::Join(const Pod& pod) {
  const Symbol ns = symbols_->Intern(pod.key.ns);
  InternedLabels labels = InternLabels(pod.labels, symbols_);
  const auto [it, is_new] = identities_.try_emplace({ns, std::move(labels)});
  if (is_new) {
    it->second.ns = ns;
    it->second.labels = &it->first.second;
  } else {  // the identity holds one use of its symbols, however many pods it has
    ReleaseLabels(it->first.second, symbols_);
    symbols_->Release(ns);
  }
  return &it->second;
}

void PodTable::Leave(PodRecord* record) {
  Identity* identity = record->identity;
  PodRecord* last = identity->pods.back();
  identity->pods[record->place] = last;
  last->place = record->place;
  identity->pods.pop_back();
  if (!identity->pods.empty()) return;
  const auto it = identities_.find({identity->ns, *identity->labels});
  const auto node = identities_.extract(it);
  ReleaseLabels(node.key().second, symbols_);
  symbols_->Release(node.key().first);
}

void PodTable::Enter(Identity* identity, PodRecord* record) {
  record->identity = identity;
  record->place = static_cast<std::uint32_t>(identity->pods.size());
  identity->pods.push_back(record);
}

void PodTable::Fill(const Pod& pod, PodRecord* record) {
  const auto ports = ports_.try_emplace(pod.ports, 0).first;
  ++ports->second;
  record->ports = &ports->first;
  record->addresses = pod.addresses;
  record->addresses.shrink_to_fit();
  record->text = TextOf(pod);
  record->name_bytes = static_cast<std::uint32_t>(pod.key.name.size());
  record->uid_bytes = static_cast<std::uint32_t>(pod.uid.size());
  record->node = symbols_->Intern(pod.node);
  record->hosts = nullptr;
  if (!pod.host_addresses.empty()) {
    const auto [hosts, is_new] = hosts_.try_emplace(NodeHosts(record->node, pod.host_addresses), 0);
    ++hosts->second;
    host_changes_ += is_new ? 1 : 0;
    record->hosts = &hosts->first;
  }
  record->host_network = pod.host_network;
  record->finished = pod.finished;
  record->still_running = pod.still_running;
  record->there = IsThere(pod, symbols_->Text(node_));
  if (!record->is_there()) return;
  for (const Address& address : record->addresses) {
    if (claims_.contains(address)) {
      contested_.insert(address);
      ++contested_changes_;
    }
    claims_.emplace(address, record);
  }
}

void PodTable::Empty(PodRecord* record) {
  if (record->is_there()) {
    for (const Address& address : record->addresses) {
      const auto [begin, end] = claims_.equal_range(address);
      const auto claimants = std::distance(begin, end);
      claims_.erase(
          std::find_if(begin, end, [&](const auto& claim) { return claim.second == record; }));
      if (claimants > 1) ++contested_changes_;
      if (claimants == 2) contested_.erase(address);
    }
  }
  if (record->hosts != nullptr) {
    const auto hosts = hosts_.find(*record->hosts);
    if (--hosts->second == 0) {
      hosts_.erase(hosts);
      ++host_changes_;
    }
  }
  symbols_->Release(record->node);
  const auto ports = ports_.find(*record->ports);
  if (--ports->second == 0) ports_.erase(ports);
}

const PodRecord* PodTable::Put(const Pod& pod) {
  Identity* identity = Join(pod);
  const auto it = pods_.find(Name{identity->ns, pod.key.name});
  if (it == pods_.end()) {
    auto record = std::make_unique<PodRecord>();
    Enter(identity, record.get());
    Fill(pod, record.get());
    return pods_.insert(std::move(record)).first->get();
  }
  PodRecord* record = it->get();
  Empty(record);
  if (record->identity != identity) {
    Leave(record);
    Enter(identity, record);
  }
  Fill(pod, record);
  return record;
}

void PodTable::Remove(const ObjectKey& key) {
  const Symbol ns = symbols_->Find(key.ns);
  if (ns == kNoSymbol) return;
  const auto it = pods_.find(Name{ns, key.name});
  if (it == pods_.end()) return;
  const auto node = pods_.extract(it);
  Empty(node.value().get());
  Leave(node.value().get());
}

std::vector<const PodRecord*> PodTable::Owners(const Address& address) const {
  std::vector<const PodRecord*> owners;
  bool local = false;
  VisitClaimants(address, [&](const PodRecord* record) {
    if (IsLocal(*record) && !std::exchange(local, true)) owners.clear();
    if (IsLocal(*record) || !local) owners.push_back(record);
  });
  return owners;
}

std::vector<OwnedAddress> PodTable::Owned(const PodRecord& record) const {
  std::vector<OwnedAddress> result;
  if (!record.is_there()) return result;
  for (const Address& address : record.addresses) {
    std::vector<const PodRecord*> owners = Owners(address);
    if (std::erase(owners, &record) > 0) result.push_back({address, std::move(owners)});
  }
  return result;
}

}  // namespace podgate::compiler
