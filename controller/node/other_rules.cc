#include "controller/node/other_rules.h"

#include <fmt/format.h>
#include <linux/netfilter.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

namespace podgate::controller {
namespace {

struct Enforcer {
  std::string_view chains;  // their names begin so
  std::string_view name;
};
constexpr std::array<Enforcer, 9> kEnforcers{{{"KUBE-ROUTER-", "kube-router or k3s"},
                                              {"KUBE-NWPLCY-", "kube-router or k3s"},
                                              {"KUBE-POD-FW-", "kube-router or k3s"},
                                              {"cali-", "Calico"},
                                              {"CILIUM_", "Cilium"},
                                              {"WEAVE-NPC", "Weave Net"},
                                              {"ANTREA-", "Antrea"},
                                              {"AZURE-NPM", "Azure NPM"},
                                              {"KUBE-NETWORK-POLICIES", "kube-network-policies"}}};

std::string Place(const nft::ListedChain& chain) {
  return fmt::format("{} of table {} {}", chain.name, nft::FamilyName(chain.family), chain.table);
}

bool Forwards(const nft::ListedChain& chain) {
  const bool ip = chain.family == NFPROTO_IPV4 || chain.family == NFPROTO_IPV6 ||
                  chain.family == NFPROTO_INET || chain.family == NFPROTO_BRIDGE;
  return ip && chain.hook == NF_INET_FORWARD;
}

}  // namespace

std::vector<std::string> OtherRules(const std::vector<nft::ListedChain>& chains,
                                    const std::string& own_table) {
  std::vector<std::string> sentences;
  std::set<std::string_view> named;
  for (const nft::ListedChain& chain : chains) {
    if (sentences.size() == kMostOtherRules) break;
    if (chain.family == NFPROTO_INET && chain.table == own_table) continue;
    const auto enforcer =
        std::find_if(kEnforcers.begin(), kEnforcers.end(),
                     [&](const Enforcer& one) { return chain.name.starts_with(one.chains); });
    if (enforcer != kEnforcers.end() && named.insert(enforcer->name).second) {
      sentences.push_back(fmt::format(
          "chains of another policy enforcer ({}) are in this kernel, as {}: what it denies is "
          "denied, whatever the policies allow; remove them if it does not run here any more",
          enforcer->name, Place(chain)));
    } else if (chain.drops && Forwards(chain)) {
      sentences.push_back(fmt::format(
          "chain {} drops forwarded packets that none of its rules accepts (policy drop): pods "
          "may be unreachable though the policies allow it",
          Place(chain)));
    }
  }
  return sentences;
}

void OtherRulesWatch::Look() {
  const auto chains = list_();
  // Commits of others may overtake every dump; the next look is soon enough.
  if (!chains.ok()) return;
  std::vector<std::string> found = OtherRules(chains.value(), own_table_);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const std::string& sentence : found) {
    if (std::find(found_.begin(), found_.end(), sentence) == found_.end())
      log_->Warn(LogMessages::kOtherRules, {{"what", sentence}});
  }
  if (found.empty() && !found_.empty()) log_->Info(LogMessages::kNoOtherRules, {});
  found_ = std::move(found);
}

void OtherRulesWatch::Run() {
  for (;;) {
    Look();
    std::unique_lock<std::mutex> lock(mutex_);
    if (changed_.wait_for(lock, kLookEvery, [this] { return stopped_; })) return;
  }
}

void OtherRulesWatch::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

std::vector<std::string> OtherRulesWatch::found() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return found_;
}

}  // namespace podgate::controller
