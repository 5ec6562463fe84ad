#include "nft/kernel/batch_errors.h"

#include <fmt/format.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cerrno>

#include "nft/base/errors.h"
#include "nft/kernel/kernel_parts.h"
#include "nft/text/describe.h"
#include "nft/text/print.h"

extern "C" {
#include <libmnl/libmnl.h>
}

namespace podgate::nft {
namespace {

std::size_t OffsetIn(const nlmsghdr* message, const nlattr* attribute) {
  return static_cast<std::size_t>(reinterpret_cast<const char*>(attribute) -
                                  reinterpret_cast<const char*>(message));
}

// The attribute of the type in the row [first, end), nullptr when there is none.
const nlattr* Find(const nlattr* first, const char* end, std::uint16_t type) {
  for (const nlattr* at = first;
       mnl_attr_ok(at, static_cast<int>(end - reinterpret_cast<const char*>(at)));
       at = mnl_attr_next(at)) {
    if (mnl_attr_get_type(at) == type) return at;
  }
  return nullptr;
}

const nlattr* FindNested(const nlattr* parent, std::uint16_t type) {
  if (parent == nullptr) return nullptr;
  return Find(static_cast<const nlattr*>(mnl_attr_get_payload(parent)),
              reinterpret_cast<const char*>(parent) + parent->nla_len, type);
}

// The attribute of the list that holds the offset; nullptr when there is none.
const nlattr* ItemAt(const nlmsghdr* message, const nlattr* list, std::uint32_t offset) {
  const auto* end = reinterpret_cast<const char*>(list) + list->nla_len;
  for (const auto* item = static_cast<const nlattr*>(mnl_attr_get_payload(list));
       mnl_attr_ok(item, static_cast<int>(end - reinterpret_cast<const char*>(item)));
       item = mnl_attr_next(item)) {
    const std::size_t start = OffsetIn(message, item);
    if (offset >= start && offset < start + item->nla_len) return item;
  }
  return nullptr;
}

// The element of the message that holds the offset, as text; empty when there is none.
std::string ElementAt(const nlmsghdr* message, std::uint32_t offset,
                      const std::vector<Field>& fields) {
  const auto* first =
      static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
  const nlattr* list = Find(first, end, NFTA_SET_ELEM_LIST_ELEMENTS);
  if (list == nullptr) return "";
  const nlattr* element = ItemAt(message, list, offset);
  const nlattr* key = FindNested(FindNested(element, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
  if (key == nullptr) return "";
  return PrintKey(
      Key(static_cast<const char*>(mnl_attr_get_payload(key)), mnl_attr_get_payload_len(key)),
      fields);
}

// The name of the rule's expression that holds the offset; empty when there is none.
std::string ExpressionAt(const nlmsghdr* message, std::uint32_t offset) {
  const auto* first =
      static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
  const nlattr* list = Find(first, end, NFTA_RULE_EXPRESSIONS);
  const nlattr* expression = list == nullptr ? nullptr : ItemAt(message, list, offset);
  const nlattr* name = FindNested(expression, NFTA_EXPR_NAME);
  return name == nullptr ? "" : mnl_attr_get_str(name);
}

// Why a rule was refused. What it refers to may not be there, or the kernel lacks the module of one
// of its expressions.
std::string ReasonFor(const Operation& operation, const nlmsghdr* message,
                      const BatchError& error) {
  const bool rule = std::holds_alternative<SetRules>(operation) &&
                    (message->nlmsg_type & 0xff) == NFT_MSG_NEWRULE;
  if (!rule || error.error != ENOENT || error.attribute_offset == 0) return Reason(error.error);
  const KernelPart* part = PartOfExpression(ExpressionAt(message, error.attribute_offset));
  if (part == nullptr) return Reason(error.error);
  const std::string missing = DescribeMissing(*part);
  // A rule that counts also refers to a counter.
  if (*part == KernelPart::kReference) return "its counter does not exist, or " + missing;
  return missing;
}

template <typename Elements>
std::string DescribeElements(const Elements& op, const nlmsghdr* message, std::uint32_t offset) {
  if (offset != 0) {  // what is at fault is an element, or else the set itself
    const std::string element = ElementAt(message, offset, op.key);
    return element.empty() ? "set " + op.set : fmt::format("set {}: element {}", op.set, element);
  }
  if (op.elements.size() == 1) {
    return fmt::format("set {}: element {}", op.set, PrintKey(op.elements[0].key, op.key));
  }
  return fmt::format("set {}: one of {} elements", op.set, op.elements.size());
}

std::string DescribeError(const Step& step, const Batch& batch, const BatchError& error) {
  const RequestOrigin* origin = batch.RequestOriginOf(error.sequence);
  if (origin == nullptr || origin->operation == RequestOrigin::kWhole) return "the step as a whole";
  const nlmsghdr* message = batch.MessageOf(error.sequence);
  const Operation& operation = step.operations[origin->operation];
  if (const auto* add = std::get_if<AddElements>(&operation)) {
    return DescribeElements(*add, message, error.attribute_offset);
  }
  if (const auto* remove = std::get_if<DeleteElements>(&operation)) {
    return DescribeElements(*remove, message, error.attribute_offset);
  }
  const auto* rules = std::get_if<SetRules>(&operation);
  if (rules != nullptr && origin->part != RequestOrigin::kWhole)
    return DescribeRule(*rules, origin->part);
  return Describe(operation);
}

}  // namespace

Status DescribeBatchError(const Step& step, const Status& status) {
  return Status(status.code(), fmt::format("Cannot change table {} {}: {}", FamilyName(step.family),
                                           step.table, status.message()));
}

Status DescribeErrors(const Step& step, const Batch& batch, const std::vector<BatchError>& errors) {
  // A batch for an old generation is refused as a whole; all other errors follow from that.
  const auto stale = std::find_if(errors.begin(), errors.end(), [](const BatchError& error) {
    return CodeOf(error.error) == Status::Code::kStale;
  });
  const BatchError& first = stale == errors.end() ? errors.front() : *stale;
  const RequestOrigin* origin = batch.RequestOriginOf(first.sequence);
  const bool whole = origin == nullptr || origin->operation == RequestOrigin::kWhole;
  std::string text = fmt::format("Cannot change table {} {}: {}: {}", FamilyName(step.family),
                                 step.table, DescribeError(step, batch, first),
                                 whole ? Reason(first.error)
                                       : ReasonFor(step.operations[origin->operation],
                                                   batch.MessageOf(first.sequence), first));
  if (errors.size() > 1) text += fmt::format(" (and {} more errors)", errors.size() - 1);
  return Status(CodeOf(first.error), text + "; nothing of this step was changed");
}

}  // namespace podgate::nft
