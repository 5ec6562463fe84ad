#include "nft/conntrack/conntrack_netlink.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "nft/conntrack/conntrack_codec.h"
#include "nft/kernel/netlink_dialogue.h"

namespace podgate::nft {
namespace {

// Flows in one send: the kernel works through them without a pause.
constexpr std::size_t kFlowsInOneSend = 64;
// How often the other end may be quicker than us.
constexpr int kRaces = 4;

bool IsEntry(const nlmsghdr* message) {
  return message->nlmsg_type == ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW);
}

class NetlinkConntrack : public Conntrack {
 public:
  explicit NetlinkConntrack(std::unique_ptr<NetlinkDialogue> dialogue)
      : dialogue_(std::move(dialogue)) {}

  Status Walk(const Tell& tell) override;
  Result<std::optional<Flow>> Find(std::uint8_t protocol, const FlowTuple& original,
                                   std::uint16_t zone) override;
  Result<Counts> Cut(std::span<const Flow> flows) override;
  Result<bool> Tombstone(const Flow& flow) override;
  Result<std::size_t> Delete(std::span<const Flow> flows) override;

 private:
  Result<std::map<std::uint32_t, int>> Send(const ConntrackRequests& requests) {
    sequence_ = requests.next_sequence();
    return dialogue_->Tell(requests.data(), requests.size());
  }
  Status CutSome(std::span<const Flow> flows, Counts* counts);

  std::unique_ptr<NetlinkDialogue> dialogue_;
  // A socket for walks: entries are deleted through the other one meanwhile. It stays open from
  // walk to walk: where a socket of netfilter's is closed (nft_rcv_nl_event in nf_tables_api.c) the
  // kernel waits with nf_tables' lock in its hand for an RCU grace period, 10 to 20 ms, and commits
  // with it.
  std::unique_ptr<NetlinkDialogue> walker_;
  std::uint32_t walks_ = 0;  // the sequence number there
  std::uint32_t sequence_ = 1;
};

Status NetlinkConntrack::Walk(const Tell& tell) {
  if (!walker_) {
    auto dialogue = NetlinkDialogue::Open(NETLINK_NETFILTER);
    if (!dialogue.ok()) return dialogue.status();
    walker_ = std::move(dialogue).value();
  }
  ConntrackRequests request(++walks_);
  request.Dump();
  bool given_up = false;
  const Status status = walker_->Ask(request.data(), request.size(), [&](const nlmsghdr* message) {
    if (!IsEntry(message)) return true;
    const auto flow = DecodeFlow(message);
    given_up = flow && !tell(*flow);
    return !given_up;
  });
  // The rest of the answers is still in there.
  if (given_up || !status.ok()) walker_.reset();
  return status;
}

Result<std::optional<Flow>> NetlinkConntrack::Find(std::uint8_t protocol, const FlowTuple& original,
                                                   std::uint16_t zone) {
  ConntrackRequests request(sequence_);
  request.Get(protocol, original, zone);
  sequence_ = request.next_sequence();
  std::optional<Flow> found;
  const Status status =
      dialogue_->Ask(request.data(), request.size(), [&](const nlmsghdr* message) {
        // The kernel finds an entry by either of its tuples.
        auto flow = IsEntry(message) ? DecodeFlow(message) : std::nullopt;
        if (flow && flow->original == original) found = std::move(flow);
        return true;
      });
  if (!status.ok() && !status.IsNotFound()) return status;
  return found;
}

Result<Conntrack::Counts> NetlinkConntrack::Cut(std::span<const Flow> flows) {
  Counts counts;
  while (!flows.empty()) {
    const auto some = flows.first(std::min(flows.size(), kFlowsInOneSend));
    if (const Status status = CutSome(some, &counts); !status.ok()) return status;
    flows = flows.subspan(some.size());
  }
  return counts;
}

Status NetlinkConntrack::CutSome(std::span<const Flow> flows, Counts* counts) {
  struct Sent {
    const Flow* flow;
    std::uint32_t deletion;   // sequence numbers
    std::uint32_t tombstone;  // 0: none
  };
  ConntrackRequests requests(sequence_);
  std::vector<Sent> sent;
  for (const Flow& flow : flows) {
    sent.push_back({&flow, requests.next_sequence(), 0});
    requests.Delete(flow);
    // Right behind the deletion, so that no more than a packet can get between the two.
    if (!NeedsTombstone(flow)) continue;
    sent.back().tombstone = requests.next_sequence();
    requests.Create(TombstoneOf(flow));
  }
  const auto refused = Send(requests);
  if (!refused.ok()) return refused.status();
  for (const Sent& one : sent) {
    if (const auto problem = refused.value().find(one.deletion); problem != refused.value().end()) {
      // ENOENT: gone, or another flow's by now.
      if (problem->second != ENOENT) ++counts->refused;
      continue;
    }
    ++counts->deleted;
    if (one.tombstone == 0) continue;
    const auto problem = refused.value().find(one.tombstone);
    bool put = problem == refused.value().end();
    if (!put && problem->second == EEXIST) {
      const auto again = Tombstone(*one.flow);
      if (!again.ok()) return again.status();
      put = again.value();
    }
    ++(put ? counts->tombstones : counts->without_tombstone);
  }
  return Status();
}

Result<bool> NetlinkConntrack::Tombstone(const Flow& flow) {
  const Flow tombstone = TombstoneOf(flow);
  for (int race = 0; race < kRaces; ++race) {
    const auto found = Find(tombstone.protocol, tombstone.original, tombstone.original_zone);
    if (!found.ok()) return found.status();
    // A flow from the other side that was judged anew is none of ours.
    if (found.value() && IsTombstone(*found.value())) return true;
    ConntrackRequests requests(sequence_);
    if (found.value()) requests.Delete(*found.value());
    const std::uint32_t creation = requests.next_sequence();
    requests.Create(tombstone);
    const auto refused = Send(requests);
    if (!refused.ok()) return refused.status();
    if (!refused.value().contains(creation)) return true;
    if (refused.value().at(creation) != EEXIST) return false;
  }
  return false;
}

Result<std::size_t> NetlinkConntrack::Delete(std::span<const Flow> flows) {
  std::size_t deleted = 0;
  while (!flows.empty()) {
    const auto some = flows.first(std::min(flows.size(), kFlowsInOneSend));
    ConntrackRequests requests(sequence_);
    for (const Flow& flow : some) requests.Delete(flow);
    const auto refused = Send(requests);
    if (!refused.ok()) return refused.status();
    deleted += some.size() - refused.value().size();
    flows = flows.subspan(some.size());
  }
  return deleted;
}

}  // namespace

Result<std::unique_ptr<Conntrack>> OpenConntrack() {
  auto dialogue = NetlinkDialogue::Open(NETLINK_NETFILTER);
  if (!dialogue.ok()) return dialogue.status();
  return std::unique_ptr<Conntrack>(
      std::make_unique<NetlinkConntrack>(std::move(dialogue).value()));
}

}  // namespace podgate::nft
