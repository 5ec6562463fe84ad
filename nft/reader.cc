#include "nft/reader.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "nft/decode.h"
#include "nft/netlink_handles.h"

extern "C" {
#include <libmnl/libmnl.h>
}

// Not in the headers of Debian 12.
#ifndef NFT_CHAIN_BINDING
#define NFT_CHAIN_BINDING (1 << 2)
#endif

namespace podgate::nft {
namespace {

// A dump takes milliseconds; only a node where somebody commits all the time needs more than two.
constexpr int kAttempts = 20;

class TableReader {
 public:
  TableReader(NetlinkSocket* socket, const std::string& table) : socket_(socket), table_(table) {}

  // One picture, perhaps of a moment that never was; kNotFound when a part has gone meanwhile.
  Status Read() {
    Status status = ReadTableItself();
    if (status.ok()) status = ReadCounters();
    if (status.ok()) status = ReadSets();
    if (status.ok()) status = ReadChains();
    if (status.ok()) status = ReadRules();
    return status;
  }
  bool found() const { return found_; }
  Ruleset TakeRuleset() { return std::move(ruleset_); }

 private:
  // Asks for objects of the table only; a kernel that does not know the filter sends all, so each
  // is checked again.
  NetlinkSocket::Fill InTable(std::uint16_t attribute) const {
    return [this, attribute](nlmsghdr* message) {
      mnl_attr_put_strz(message, attribute, table_.c_str());
    };
  }
  bool IsOurs(const char* table) const { return table != nullptr && table == table_; }

  Status ReadTableItself() {
    const Status status =
        socket_->Get(NFT_MSG_GETTABLE, InTable(NFTA_TABLE_NAME), [this](const nlmsghdr* message) {
          TablePtr table(nftnl_table_alloc());
          if (nftnl_table_nlmsg_parse(message, table.get()) < 0) return;
          ruleset_ = DecodeTable(table.get());
          found_ = true;
        });
    if (!found_) ruleset_.table = table_;
    return status;
  }

  Status ReadCounters() {
    const auto fill = [this](nlmsghdr* message) {
      mnl_attr_put_strz(message, NFTA_OBJ_TABLE, table_.c_str());
      mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
    };
    // Other kinds of object do nothing without a rule of another form, and that one is seen.
    return socket_->Dump(NFT_MSG_GETOBJ, fill, [this](const nlmsghdr* message) {
      ObjectPtr object(nftnl_obj_alloc());
      if (nftnl_obj_nlmsg_parse(message, object.get()) < 0) return;
      if (nftnl_obj_get_u32(object.get(), NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER) return;
      if (!IsOurs(nftnl_obj_get_str(object.get(), NFTNL_OBJ_TABLE))) return;
      ruleset_.counters.insert(nftnl_obj_get_str(object.get(), NFTNL_OBJ_NAME));
    });
  }

  Status ReadSets() {
    Status status =
        socket_->Dump(NFT_MSG_GETSET, InTable(NFTA_SET_TABLE), [this](const nlmsghdr* message) {
          SetPtr set(nftnl_set_alloc());
          if (nftnl_set_nlmsg_parse(message, set.get()) < 0) return;
          if (!IsOurs(nftnl_set_get_str(set.get(), NFTNL_SET_TABLE))) return;
          // Part of a foreign rule, and gone with it.
          if ((nftnl_set_get_u32(set.get(), NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS) != 0) return;
          Set decoded = DecodeSet(set.get());
          ruleset_.sets[decoded.name] = std::move(decoded);
        });
    for (auto& [name, set] : ruleset_.sets) {
      if (status.ok()) status = ReadElements(&set);
    }
    return status;
  }

  Status ReadElements(Set* set) {
    const auto fill = [&](nlmsghdr* message) {
      mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table_.c_str());
      mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set->name.c_str());
    };
    SetPtr elements(nftnl_set_alloc());
    const Status status =
        socket_->Dump(NFT_MSG_GETSETELEM, fill, [&elements](const nlmsghdr* message) {
          nftnl_set_elems_nlmsg_parse(message, elements.get());
        });
    if (status.ok()) DecodeElements(elements.get(), set);
    return status;
  }

  Status ReadChains() {
    return socket_->Dump(
        NFT_MSG_GETCHAIN, InTable(NFTA_CHAIN_TABLE), [this](const nlmsghdr* message) {
          ChainPtr chain(nftnl_chain_alloc());
          if (nftnl_chain_nlmsg_parse(message, chain.get()) < 0) return;
          if (!IsOurs(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE))) return;
          // Part of a foreign rule, and gone with it.
          if (nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_FLAGS) &&
              (nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FLAGS) & NFT_CHAIN_BINDING) != 0) {
            return;
          }
          Chain decoded = DecodeChain(chain.get());
          ruleset_.chains[decoded.name] = std::move(decoded);
        });
  }

  // The kernel takes up a dump where it was by counting rules, those of a transaction not yet
  // committed among them: when somebody prepares one meanwhile, rules come twice.
  Status ReadRules() {
    std::set<std::uint64_t> seen;  // handles
    return socket_->Dump(
        NFT_MSG_GETRULE, InTable(NFTA_RULE_TABLE), [this, &seen](const nlmsghdr* message) {
          RulePtr rule(nftnl_rule_alloc());
          if (nftnl_rule_nlmsg_parse(message, rule.get()) < 0) return;
          if (!IsOurs(nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE))) return;
          const auto chain = ruleset_.chains.find(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN));
          if (chain == ruleset_.chains.end()) return;  // a chain that is part of a foreign rule
          if (!seen.insert(nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE)).second) return;
          chain->second.rules.push_back(DecodeRule(rule.get()));
        });
  }

  NetlinkSocket* socket_;
  const std::string& table_;
  Ruleset ruleset_;
  bool found_ = false;
};

}  // namespace

Result<std::optional<Ruleset>> ReadTable(NetlinkSocket* socket, const std::string& table) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Result<std::uint32_t> before = socket->Generation();
    if (!before.ok()) return before.status();
    TableReader reader(socket, table);
    const Status status = reader.Read();
    const Result<std::uint32_t> after = socket->Generation();
    if (!after.ok()) return after.status();
    const bool moved =
        before.value() != after.value() || status.code() == Status::Code::kInterrupted;
    if (moved) continue;
    if (status.ok()) return std::optional<Ruleset>(reader.TakeRuleset());
    if (status.IsNotFound() && !reader.found()) return std::optional<Ruleset>();
    return Status(status.code(),
                  fmt::format("Cannot read table inet {}: {}", table, status.message()));
  }
  return Status(Status::Code::kInterrupted,
                fmt::format("Cannot read table inet {} in {} attempts: somebody else changes the "
                            "rules of this network namespace all the time; try again later",
                            table, kAttempts));
}

}  // namespace podgate::nft
