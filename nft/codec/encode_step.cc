// A step as one batch.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <set>

#include "nft/codec/encode.h"
#include "nft/codec/netlink_handles.h"
#include "nft/codec/packet_layout.h"
#include "nft/model/canonical.h"
#include "nft/model/step.h"

namespace podgate::nft {
namespace {

constexpr std::uint16_t kCreateNew = NLM_F_CREATE | NLM_F_EXCL;

class StepEncoder {
 public:
  StepEncoder(const Step& step, Batch* batch)
      : family_(FamilyNumber(step.family)), table_(step.table), batch_(batch) {}

  void Encode(const Operation& operation, std::size_t index) {
    index_ = index;
    std::visit(*this, operation);
  }

  void operator()(const AddTable& op) {
    TablePtr table = Table();
    if (!op.comment.empty()) {
      UserdataPtr userdata(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
      nftnl_udata_put_strz(userdata.get(), NFTNL_UDATA_TABLE_COMMENT,
                           QuotableText(op.comment).c_str());
      nftnl_table_set_data(table.get(), NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(userdata.get()),
                           nftnl_udata_buf_len(userdata.get()));
    }
    nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, 0);
    // Not exclusive: on a table that is there this takes back its flags, "dormant" among them.
    Write(NFT_MSG_NEWTABLE, NLM_F_CREATE, table.get(), nftnl_table_nlmsg_build_payload);
  }
  void operator()(const DeleteTable&) {
    TablePtr table = Table();
    Write(NFT_MSG_DELTABLE, 0, table.get(), nftnl_table_nlmsg_build_payload);
  }
  void operator()(const AddCounter& op) {
    ObjectPtr counter = Counter(op.name);
    nftnl_obj_set_u64(counter.get(), NFTNL_OBJ_CTR_PKTS, 0);
    nftnl_obj_set_u64(counter.get(), NFTNL_OBJ_CTR_BYTES, 0);
    Write(NFT_MSG_NEWOBJ, kCreateNew, counter.get(), nftnl_obj_nlmsg_build_payload);
  }
  void operator()(const DeleteCounter& op) {
    ObjectPtr counter = Counter(op.name);
    Write(NFT_MSG_DELOBJ, 0, counter.get(), nftnl_obj_nlmsg_build_payload);
  }
  void operator()(const AddSet& op) {
    EncodeAddSet(table_, op.set, ++last_set_id_, {index_}, batch_);
  }
  void operator()(const DeleteSet& op) {
    SetPtr set(nftnl_set_alloc());
    nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, family_);
    nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table_.c_str());
    nftnl_set_set_str(set.get(), NFTNL_SET_NAME, op.name.c_str());
    Write(NFT_MSG_DELSET, 0, set.get(), nftnl_set_nlmsg_build_payload);
  }
  void operator()(const AddElements& op) { EncodeElements(table_, op, {index_}, batch_); }
  void operator()(const DeleteElements& op) { EncodeElements(table_, op, {index_}, batch_); }
  void operator()(const AddChain& op) {
    ChainPtr chain = NamedChain(op.name);
    if (op.base) {
      nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, "filter");
      nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, HookNumber(op.base->hook));
      nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, op.base->priority);
      nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
      if (!op.base->device.empty())
        nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_DEV, op.base->device.c_str());
    }
    Write(NFT_MSG_NEWCHAIN, kCreateNew, chain.get(), nftnl_chain_nlmsg_build_payload);
    empty_chains_.insert(op.name);
  }
  void operator()(const DeleteChain& op) {
    ChainPtr chain = NamedChain(op.name);
    Write(NFT_MSG_DELCHAIN, 0, chain.get(), nftnl_chain_nlmsg_build_payload);
  }
  void operator()(const FlushChain& op) {
    RulePtr all = NewRule(op.name);  // deleting "the rule" of a chain flushes it
    Write(NFT_MSG_DELRULE, 0, all.get(), nftnl_rule_nlmsg_build_payload);
    empty_chains_.insert(op.name);
  }
  void operator()(const SetRules& op) {
    if (empty_chains_.count(op.chain) == 0) (*this)(FlushChain{op.chain});
    empty_chains_.erase(op.chain);
    for (std::size_t i = 0; i < op.rules.size(); ++i) {
      RulePtr rule = NewRule(op.chain);
      EncodeRule(op.rules[i], rule.get());
      Write(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, rule.get(),
            nftnl_rule_nlmsg_build_payload, i);
    }
  }

 private:
  template <typename T, typename Build>
  void Write(std::uint16_t type, std::uint16_t flags, T* object, Build build,
             std::size_t part = RequestOrigin::kWhole) {
    nlmsghdr* message = batch_->Begin(type, flags, {index_, part});
    build(message, object);
    batch_->Finish(message);
  }
  TablePtr Table() const {
    TablePtr table(nftnl_table_alloc());
    nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, family_);
    nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_.c_str());
    return table;
  }
  ObjectPtr Counter(const std::string& name) const {
    ObjectPtr counter(nftnl_obj_alloc());
    nftnl_obj_set_u32(counter.get(), NFTNL_OBJ_FAMILY, family_);
    nftnl_obj_set_u32(counter.get(), NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
    nftnl_obj_set_str(counter.get(), NFTNL_OBJ_TABLE, table_.c_str());
    nftnl_obj_set_str(counter.get(), NFTNL_OBJ_NAME, name.c_str());
    return counter;
  }
  ChainPtr NamedChain(const std::string& name) const {
    ChainPtr chain(nftnl_chain_alloc());
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_FAMILY, family_);
    nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, table_.c_str());
    nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str());
    return chain;
  }
  RulePtr NewRule(const std::string& chain) const {
    RulePtr rule(nftnl_rule_alloc());
    nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, family_);
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, table_.c_str());
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.c_str());
    return rule;
  }

  const std::uint32_t family_;
  const std::string& table_;
  Batch* batch_;
  std::size_t index_ = 0;
  std::uint32_t last_set_id_ = 0;
  std::set<std::string> empty_chains_;  // added or flushed by this step, and without rules since
};

}  // namespace

void EncodeStep(const Step& step, Batch* batch) {
  StepEncoder encoder(step, batch);
  for (std::size_t i = 0; i < step.operations.size(); ++i) encoder.Encode(step.operations[i], i);
  batch->End();
}

}  // namespace podgate::nft
