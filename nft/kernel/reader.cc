#include "nft/kernel/reader.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "nft/codec/decode.h"
#include "nft/codec/element_view.h"
#include "nft/codec/netlink_handles.h"
#include "nft/kernel/nftables_requests.h"
#include "nft/model/canonical.h"
#include "nft/model/compare.h"

extern "C" {
#include <libmnl/libmnl.h>
}

// Not in the headers of Debian 12.
#ifndef NFT_CHAIN_BINDING
#define NFT_CHAIN_BINDING (1 << 2)
#endif

namespace podgate::nft {
namespace {

// A dump takes milliseconds; more than two attempts are only needed where somebody commits all the
// time.
constexpr int kAttempts = 20;
// Attempts, if answers are lost or do not come, or the kernel has no memory for them.
constexpr int kFailures = 3;

bool IsWorthAnotherAttempt(Status::Code code) {
  return code == Status::Code::kOverrun || code == Status::Code::kUnavailable ||
         code == Status::Code::kBusy;
}

// nullptr when the message has no such attribute.
const nlattr* AttributeOf(const nlmsghdr* message, std::uint16_t type) {
  const auto* attribute =
      static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
  for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute)) {
    if (mnl_attr_get_type(attribute) == type) return attribute;
  }
  return nullptr;
}

// An attribute that is text; empty when there is none.
std::string TextOf(const nlmsghdr* message, std::uint16_t type) {
  const nlattr* attribute = AttributeOf(message, type);
  if (attribute == nullptr) return "";
  const auto* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
  return std::string(text, strnlen(text, mnl_attr_get_payload_len(attribute)));
}

class TableReader {
 public:
  TableReader(NetlinkClient* client, TableFamily family, const std::string& table)
      : client_(client), family_(family), table_(table) {}

  // One reading, perhaps a mixture of several moments; kNotFound if a part was deleted meanwhile.
  Status Read() {
    Status status = ReadAllButElements();
    for (auto& [name, set] : ruleset_.sets) {
      if (status.ok()) status = ReadElements(&set);
    }
    if (status.ok() && interrupted_) {
      return Status(Status::Code::kInterrupted, "a dump was overtaken by a commit");
    }
    return status;
  }
  // Likewise: whether the table is the wanted one. If a commit overtook a dump, the answer is about
  // a mixture.
  Status Compare(const Ruleset& wanted, bool* same) {
    Status status = ReadAllButElements();
    *same = status.ok() && SameButElements(ruleset_, wanted);
    for (auto& [name, set] : ruleset_.sets) {
      if (status.ok() && *same) status = CompareElements(&set, wanted.sets.at(name), same);
    }
    return status;
  }
  bool found() const { return found_; }
  bool interrupted() const { return interrupted_; }
  Ruleset TakeRuleset() { return std::move(ruleset_); }

 private:
  // To its end, even if commits overtake it: mostly they are not about this table.
  Status Dump(std::uint16_t type, const Fill& fill, const NetlinkClient::Answer& answer) {
    Status status = nft::Dump(client_, type, family_, fill, answer);
    if (status.code() != Status::Code::kInterrupted) return status;
    interrupted_ = true;
    return {};
  }

  // Asks for objects of the table only; a kernel that does not know the filter sends all, so each
  // is checked again.
  Fill InTable(std::uint16_t attribute) const {
    return [this, attribute](nlmsghdr* message) {
      mnl_attr_put_strz(message, attribute, table_.c_str());
    };
  }
  bool IsOurs(const char* table) const { return table != nullptr && table == table_; }

  static bool SameButElements(const Ruleset& a, const Ruleset& b) {
    const auto same_set = [](const auto& x, const auto& y) {
      return x.first == y.first && SameDefinition(x.second, y.second);
    };
    const auto same_chain = [](const auto& x, const auto& y) {
      return x.first == y.first && SameDefinition(x.second, y.second) &&
             SameRules(x.second.rules, y.second.rules);
    };
    return a.foreign == b.foreign && QuotableText(a.comment) == QuotableText(b.comment) &&
           a.counters == b.counters &&
           std::equal(a.sets.begin(), a.sets.end(), b.sets.begin(), b.sets.end(), same_set) &&
           std::equal(a.chains.begin(), a.chains.end(), b.chains.begin(), b.chains.end(),
                      same_chain);
  }

  Status ReadAllButElements() {
    Status status = ReadTableItself();
    if (status.ok()) status = ReadCounters();
    if (status.ok()) status = ReadSets();
    if (status.ok()) status = ReadChains();
    if (status.ok()) status = ReadRules();
    return status;
  }

  Status ReadTableItself() {
    const Status status = Get(client_, NFT_MSG_GETTABLE, family_, InTable(NFTA_TABLE_NAME),
                              [this](const nlmsghdr* message) {
                                TablePtr table(nftnl_table_alloc());
                                if (nftnl_table_nlmsg_parse(message, table.get()) < 0) return false;
                                if (!IsOurs(nftnl_table_get_str(table.get(), NFTNL_TABLE_NAME)))
                                  return false;
                                ruleset_ = DecodeTable(table.get());
                                found_ = true;
                                return true;
                              });
    if (!found_) {
      ruleset_.family = family_;
      ruleset_.table = table_;
    }
    return status;
  }

  Status ReadCounters() {
    const auto fill = [this](nlmsghdr* message) {
      mnl_attr_put_strz(message, NFTA_OBJ_TABLE, table_.c_str());
      mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
    };
    // Other kinds of object do nothing without a rule of another form, and that one is seen.
    return Dump(NFT_MSG_GETOBJ, fill, [this](const nlmsghdr* message) {
      ObjectPtr object(nftnl_obj_alloc());
      if (nftnl_obj_nlmsg_parse(message, object.get()) < 0) return false;
      if (nftnl_obj_get_u32(object.get(), NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER) return true;
      if (!IsOurs(nftnl_obj_get_str(object.get(), NFTNL_OBJ_TABLE))) return true;
      const char* name = nftnl_obj_get_str(object.get(), NFTNL_OBJ_NAME);
      if (name == nullptr) return false;
      ruleset_.counters.insert(name);
      return true;
    });
  }

  Status ReadSets() {
    return Dump(NFT_MSG_GETSET, InTable(NFTA_SET_TABLE), [this](const nlmsghdr* message) {
      SetPtr set(nftnl_set_alloc());
      if (nftnl_set_nlmsg_parse(message, set.get()) < 0) return false;
      if (!IsOurs(nftnl_set_get_str(set.get(), NFTNL_SET_TABLE))) return true;
      if (!nftnl_set_is_set(set.get(), NFTNL_SET_NAME)) return false;
      // Part of a foreign rule, and gone with it.
      if ((nftnl_set_get_u32(set.get(), NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS) != 0) return true;
      Set decoded = DecodeSet(set.get());
      ruleset_.sets[decoded.name] = std::move(decoded);
      return true;
    });
  }

  Status DumpElements(const std::string& set, const NetlinkClient::Answer& answer) {
    const auto fill = [&](nlmsghdr* message) {
      mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table_.c_str());
      mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set.c_str());
    };
    return Dump(NFT_MSG_GETSETELEM, fill, answer);
  }

  Status ReadElements(Set* set) {
    SetPtr elements(nftnl_set_alloc());
    const Status status = DumpElements(set->name, [&elements](const nlmsghdr* message) {
      return nftnl_set_elems_nlmsg_parse(message, elements.get()) >= 0;
    });
    if (status.ok()) DecodeElements(elements.get(), set);
    return status;
  }

  Status CompareElements(Set* set, const Set& wanted, bool* same) {
    if (set->interval) {  // whose elements have to be joined first
      Status status = ReadElements(set);
      *same = status.ok() && set->foreign.empty() && DeltaOf(*set, wanted).empty();
      return status;
    }
    // Keys are unique: if as many are found as wanted, and each of them is wanted, all are there.
    std::size_t found = 0;
    std::size_t others = 0;
    const Status status = DumpElements(set->name, [&](const nlmsghdr* message) {
      return ForEachElement(
          message, [&](const ElementView& element) { ++(IsIn(wanted, element) ? found : others); });
    });
    *same = status.ok() && others == 0 && found == wanted.elements.size();
    return status;
  }

  static bool IsIn(const Set& set, const ElementView& element) {
    if (!element.plain || element.has_verdict != set.verdict_map) return false;
    const auto at =
        std::lower_bound(set.elements.begin(), set.elements.end(), element.key,
                         [](const Element& a, std::string_view key) { return Bytes(a.key) < key; });
    if (at == set.elements.end() || Bytes(at->key) != element.key) return false;
    if (!element.has_verdict) return true;
    return at->verdict == DecodeVerdict(element.verdict, std::string(element.chain).c_str());
  }

  Status ReadChains() {
    return Dump(NFT_MSG_GETCHAIN, InTable(NFTA_CHAIN_TABLE), [this](const nlmsghdr* message) {
      ChainPtr chain(nftnl_chain_alloc());
      if (nftnl_chain_nlmsg_parse(message, chain.get()) < 0) return false;
      if (!IsOurs(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE))) return true;
      if (!nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_NAME)) return false;
      // Part of a foreign rule, and gone with it.
      if (nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_FLAGS) &&
          (nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FLAGS) & NFT_CHAIN_BINDING) != 0) {
        return true;
      }
      Chain decoded = DecodeChain(chain.get());
      ruleset_.chains[decoded.name] = std::move(decoded);
      return true;
    });
  }

  // The kernel resumes a dump by counting rules, including those of a transaction that is not yet
  // committed: if somebody prepares one meanwhile, rules come twice.
  Status ReadRules() {
    std::set<std::uint64_t> seen;  // handles
    return Dump(NFT_MSG_GETRULE, InTable(NFTA_RULE_TABLE), [this, &seen](const nlmsghdr* message) {
      if (TextOf(message, NFTA_RULE_TABLE) != table_) return true;
      const auto chain = ruleset_.chains.find(TextOf(message, NFTA_RULE_CHAIN));
      if (chain == ruleset_.chains.end()) {
        return true;  // a chain that is part of a foreign rule
      }
      const nlattr* handle = AttributeOf(message, NFTA_RULE_HANDLE);
      if (handle == nullptr || mnl_attr_validate(handle, MNL_TYPE_U64) < 0) return false;
      if (!seen.insert(mnl_attr_get_u64(handle)).second) return true;
      RulePtr rule(nftnl_rule_alloc());
      if (nftnl_rule_nlmsg_parse(message, rule.get()) >= 0) {
        chain->second.rules.push_back(DecodeRule(rule.get()));
      } else {  // with an expression younger than the library
        Rule foreign;
        foreign.foreign = "a rule that cannot be read";
        chain->second.rules.push_back(std::move(foreign));
      }
      return true;
    });
  }

  NetlinkClient* client_;
  const TableFamily family_;
  const std::string& table_;
  Ruleset ruleset_;
  bool found_ = false;
  bool interrupted_ = false;
};

// Calls `read` until nobody has committed meanwhile and no answer was lost.
Status AtOneMoment(NetlinkClient* client, TableFamily family, const std::string& table,
                   const std::function<Status()>& read) {
  int failures = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Result<std::uint32_t> before = ReadGeneration(client);
    Status status = before.ok() ? read() : before.status();
    const Result<std::uint32_t> after = ReadGeneration(client);
    const bool moved = before.ok() && after.ok() && before.value() != after.value();
    if (moved || status.code() == Status::Code::kInterrupted) continue;
    if (!after.ok() && (status.ok() || status.IsNotFound())) status = after.status();
    if (status.ok()) return status;
    if (IsWorthAnotherAttempt(status.code()) && ++failures < kFailures) continue;
    return Status(status.code(), fmt::format("Cannot read table {} {}: {}", FamilyName(family),
                                             table, status.message()));
  }
  return Status(Status::Code::kInterrupted,
                fmt::format("Cannot read table {} {} in {} attempts: somebody else changes the "
                            "rules of this network namespace all the time; try again later",
                            FamilyName(family), table, kAttempts));
}

}  // namespace

Result<std::optional<Ruleset>> ReadTable(NetlinkClient* client, TableFamily family,
                                         const std::string& table) {
  std::optional<TableReader> reader;
  const Status status = AtOneMoment(client, family, table, [&] {
    reader.emplace(client, family, table);
    return reader->Read();
  });
  if (status.IsNotFound() && reader && !reader->found()) return std::optional<Ruleset>();
  if (!status.ok()) return status;
  return std::optional<Ruleset>(reader->TakeRuleset());
}

Result<bool> HoldsTable(NetlinkClient* client, const Ruleset& wanted) {
  Status status;
  for (int attempt = 0; attempt < kFailures; ++attempt) {
    TableReader reader(client, wanted.family, wanted.table);
    bool same = false;
    const Result<std::uint32_t> before = ReadGeneration(client);
    status = before.ok() ? reader.Compare(wanted, &same) : before.status();
    if (status.ok() && same) return true;
    const Result<std::uint32_t> after = ReadGeneration(client);
    const bool moved = before.ok() && after.ok() && before.value() != after.value();
    if (moved || reader.interrupted()) {
      status = Status(Status::Code::kInterrupted,
                      "somebody else changes the rules of this network namespace all the time");
      continue;
    }
    if (status.ok() || (status.IsNotFound() && !reader.found())) return false;
    if (!IsWorthAnotherAttempt(status.code())) break;
  }
  return Status(status.code(),
                fmt::format("Cannot compare table {} {}: {}", FamilyName(wanted.family),
                            wanted.table, status.message()));
}

}  // namespace podgate::nft
