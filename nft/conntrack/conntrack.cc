#include "nft/conntrack/conntrack.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "nft/conntrack/conntrack_codec.h"
#include "nft/kernel/netlink_channel.h"
#include "nft/kernel/netlink_client.h"

namespace podgate::nft {
namespace {

// Flows in one send: the kernel works through them without a pause.
constexpr std::size_t kFlowsInOneSend = 64;
// How often the other end may begin the flow anew before the tombstone is put.
constexpr int kRaces = 4;
// Looking at so many buckets costs the kernel as much as handing out an entry does us, some two
// microseconds and more. The kernel's default is as many buckets as entries that it takes.
constexpr std::uint64_t kBucketsForAnEntry = 256;

bool IsEntry(const nlmsghdr* message) {
  return message->nlmsg_type == ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW);
}

// Without its module the kernel takes every question about conntrack for an invalid one.
Status NameModule(Status status) {
  if (status.code() != Status::Code::kInvalid) return status;
  return Status(Status::Code::kUnsupported,
                "the kernel has no nf_conntrack_netlink (CONFIG_NF_CT_NETLINK); load the module");
}

class NetlinkConntrack : public Conntrack {
 public:
  NetlinkConntrack(std::unique_ptr<NetlinkChannel> requests, std::unique_ptr<NetlinkChannel> walks,
                   std::unique_ptr<NetlinkChannel> picks)
      : client_(std::move(requests)), walker_(std::move(walks)), picker_(std::move(picks)) {}

  Status Walk(const Tell& tell) override {
    ConntrackRequests request(walker_.next_sequence());
    request.Dump();
    return WalkOver(&walker_, request, tell);
  }
  using Conntrack::Walk;
  Status Walk(const std::set<FlowEnd>& ends, const Tell& tell, const Pause& pause) override;
  Result<std::optional<Flow>> Find(std::uint8_t protocol, const FlowTuple& original,
                                   std::uint16_t zone) override;
  Result<Counts> Cut(std::span<const Flow> flows) override;
  Result<bool> Tombstone(const Flow& flow) override;
  Result<std::vector<Renewal>> Renew(std::span<const Flow> tombstones) override;
  Result<Usage> GetUsage() override { return AskUsage(&client_); }
  Result<std::size_t> Delete(std::span<const Flow> flows) override;

 private:
  Result<NetlinkClient::Refusals> Send(const ConntrackRequests& requests) {
    return client_.Tell(requests.data(), requests.size(), requests.next_sequence());
  }
  static Result<Usage> AskUsage(NetlinkClient* client);
  static Status WalkOver(NetlinkClient* client, const ConntrackRequests& request, const Tell& tell);
  Status CutSome(std::span<const Flow> flows, Counts* counts);

  NetlinkClient client_;
  // For walks: entries are deleted through the other one meanwhile. Its socket stays open from walk
  // to walk: when a netfilter netlink socket is closed (nft_rcv_nl_event in nf_tables_api.c), the
  // kernel waits for an RCU grace period, 10 to 20 ms, and holds nf_tables' lock meanwhile, so that
  // commits wait too.
  NetlinkClient walker_;
  NetlinkClient picker_;  // for those that do not wait for the end of a walk over all entries
};

Status NetlinkConntrack::WalkOver(NetlinkClient* client, const ConntrackRequests& request,
                                  const Tell& tell) {
  return NameModule(client->AskUntil(request.first(), [&tell](const nlmsghdr* message) {
    const auto flow = IsEntry(message) ? DecodeFlow(message) : std::nullopt;
    return !flow || tell(*flow);
  }));
}

Status NetlinkConntrack::Walk(const std::set<FlowEnd>& ends, const Tell& tell, const Pause& pause) {
  const auto v6 = [](const FlowEnd& end) { return end.address.family() == Family::kIPv6; };
  const auto of_v6 = static_cast<std::size_t>(std::count_if(ends.begin(), ends.end(), v6));
  // The kernel hands out all IPv6 entries whatever the end is.
  const std::size_t walks = ends.size() - of_v6 + (of_v6 > 0 ? 1 : 0);
  if (walks == 0) return {};
  if (const auto usage = AskUsage(&picker_); usage.ok()) {
    if (usage.value().entries == 0) return {};
    const std::uint64_t cheaper = (walks - 1) * usage.value().most / kBucketsForAnEntry;
    if (usage.value().entries <= cheaper) {
      ConntrackRequests request(picker_.next_sequence());
      request.Dump();
      return WalkOver(&picker_, request, tell);
    }
  }
  bool wanted = true;
  bool begun = false;
  bool v6_walked = false;
  for (const FlowEnd& end : ends) {
    if (v6(end) && std::exchange(v6_walked, true)) continue;
    if (std::exchange(begun, true) && !pause()) return {};
    ConntrackRequests request(picker_.next_sequence());
    request.Dump(end);
    const Status status = WalkOver(&picker_, request,
                                   [&](const Flow& flow) { return wanted = wanted && tell(flow); });
    if (!status.ok() || !wanted) return status;
  }
  return {};
}

Result<std::optional<Flow>> NetlinkConntrack::Find(std::uint8_t protocol, const FlowTuple& original,
                                                   std::uint16_t zone) {
  ConntrackRequests request(client_.next_sequence());
  request.Get(protocol, original, zone);
  std::optional<Flow> found;
  const Status status = client_.Ask(request.first(), [&](const nlmsghdr* message) {
    // The kernel finds an entry by either of its tuples.
    auto flow = IsEntry(message) ? DecodeFlow(message) : std::nullopt;
    if (flow && flow->original == original) found = std::move(flow);
    return true;
  });
  if (!status.ok() && !status.IsNotFound()) return NameModule(status);
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
  ConntrackRequests requests(client_.next_sequence());
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
    if (put) {
      counts->tombstoned.push_back(*one.flow);
    } else {
      ++counts->without_tombstone;
    }
  }
  return Status();
}

Result<bool> NetlinkConntrack::Tombstone(const Flow& flow) {
  const Flow tombstone = TombstoneOf(flow);
  for (int race = 0; race < kRaces; ++race) {
    const auto found = Find(tombstone.protocol, tombstone.original, tombstone.original_zone);
    if (!found.ok()) return found.status();
    // What is no tombstone is the flow that the other end began anew.
    if (found.value() && IsTombstone(*found.value())) return true;
    ConntrackRequests requests(client_.next_sequence());
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

Result<std::vector<Conntrack::Renewal>> NetlinkConntrack::Renew(std::span<const Flow> tombstones) {
  std::vector<Renewal> renewed;
  for (const Flow& tombstone : tombstones) {
    const auto found = Find(tombstone.protocol, tombstone.original, tombstone.original_zone);
    if (!found.ok()) return found.status();
    Renewal renewal = Renewal::kGone;
    if (found.value() && IsTombstone(*found.value())) {
      renewal = Renewal::kRenewed;
      const Flow flow = FlowOfTombstone(tombstone);
      ConntrackRequests requests(client_.next_sequence());
      requests.Delete(*found.value());
      const std::uint32_t creation = requests.next_sequence();
      requests.Create(TombstoneOf(flow));
      const auto refused = Send(requests);
      if (!refused.ok()) return refused.status();
      if (refused.value().contains(creation)) {
        const auto again = Tombstone(flow);
        if (!again.ok()) return again.status();
        if (!again.value()) renewal = Renewal::kLost;
      }
    }
    renewed.push_back(renewal);
  }
  return renewed;
}

Result<Conntrack::Usage> NetlinkConntrack::AskUsage(NetlinkClient* client) {
  ConntrackRequests request(client->next_sequence());
  request.GetStats();
  std::optional<Usage> usage;
  const Status status = client->Ask(request.first(), [&usage](const nlmsghdr* message) {
    usage = DecodeUsage(message);
    return usage.has_value();
  });
  if (!status.ok()) return status;
  if (!usage)
    return Status(Status::Code::kOverrun, "the kernel does not tell how many flows it tracks");
  return *usage;
}

Result<std::size_t> NetlinkConntrack::Delete(std::span<const Flow> flows) {
  std::size_t deleted = 0;
  while (!flows.empty()) {
    const auto some = flows.first(std::min(flows.size(), kFlowsInOneSend));
    ConntrackRequests requests(client_.next_sequence());
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
  auto requests = OpenChannel(NETLINK_NETFILTER);
  if (!requests.ok()) return requests.status();
  auto walks = OpenChannel(NETLINK_NETFILTER);
  if (!walks.ok()) return walks.status();
  auto picks = OpenChannel(NETLINK_NETFILTER);
  if (!picks.ok()) return picks.status();
  return ConntrackOver(std::move(requests).value(), std::move(walks).value(),
                       std::move(picks).value());
}

std::unique_ptr<Conntrack> ConntrackOver(std::unique_ptr<NetlinkChannel> requests,
                                         std::unique_ptr<NetlinkChannel> walks,
                                         std::unique_ptr<NetlinkChannel> picks) {
  return std::make_unique<NetlinkConntrack>(std::move(requests), std::move(walks),
                                            std::move(picks));
}

Result<std::size_t> RemoveTombstones(Conntrack* conntrack) {
  constexpr std::size_t kSlice = 256;
  std::vector<Flow> tombstones;
  std::size_t removed = 0;
  Status problem;
  const auto remove = [&] {
    const auto deleted = conntrack->Delete(tombstones);
    tombstones.clear();
    if (deleted.ok()) removed += deleted.value();
    problem = deleted.status();
    return deleted.ok();
  };
  const Status walked = conntrack->Walk([&](const Flow& flow) {
    if (IsTombstone(flow)) tombstones.push_back(flow);
    return tombstones.size() < kSlice || remove();
  });
  if (!walked.ok()) return walked;
  if (problem.ok()) remove();
  if (!problem.ok()) return problem;
  return removed;
}

}  // namespace podgate::nft
