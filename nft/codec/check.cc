#include "nft/codec/check.h"

#include <fmt/format.h>

#include "nft/model/canonical.h"
#include "nft/text/describe.h"
#include "nft/text/print.h"

namespace podgate::nft {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Each Check…() returns what is wrong, empty if nothing.

// nft's own syntax of names; keywords of nft are not looked for.
std::string CheckName(std::string_view name) {
  if (name.empty()) return "the name is empty";
  if (name.size() > kMaxNameBytes) {
    return fmt::format("the name has {} bytes, more than {}", name.size(), kMaxNameBytes);
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool inside = i > 0 && (IsDigit(c) || c == '/' || c == '-');
    if (!IsLetter(c) && c != '_' && c != '.' && !inside) {
      return fmt::format("nft cannot write a name with the byte 0x{:02x} at {}",
                         static_cast<unsigned char>(c), i);
    }
  }
  return "";
}

std::string CheckText(const char* what, std::string_view text, std::size_t most) {
  if (text.size() <= most) return "";
  return fmt::format("the {} has {} bytes, more than {}", what, text.size(), most);
}

std::string CheckVerdict(const Verdict& verdict) {
  const bool needs_chain =
      verdict.kind == Verdict::Kind::kJump || verdict.kind == Verdict::Kind::kGoto;
  if (needs_chain) return CheckName(verdict.chain);
  return verdict.chain.empty() ? "" : "a verdict that leads to no chain names one";
}

bool HasPorts(std::uint8_t protocol) {
  return protocol == kTcp || protocol == kUdp || protocol == kSctp;
}

std::string CheckMatch(const Match& match) {
  if (const auto* state = std::get_if<MatchCtState>(&match)) {
    if (!state->established && !state->related) return "it matches no connection state";
  }
  if (const auto* port = std::get_if<MatchPort>(&match)) {
    if (!HasPorts(port->protocol)) return "it matches a port of a protocol that has none";
    if (port->first > port->last) return "its port range ends before it starts";
  }
  if (const auto* prefix = std::get_if<MatchPrefix>(&match)) {
    if (prefix->prefix.length() == 0) return "it matches a prefix of length 0";
  }
  return "";
}

std::string CheckStatement(const Statement& statement) {
  if (const auto* limit = std::get_if<LimitRate>(&statement)) {
    if (limit->packets_per_second == 0 || limit->burst_packets == 0) {
      return "its limit has a rate or a burst of 0";
    }
  }
  if (const auto* log = std::get_if<LogGroup>(&statement)) {
    return CheckText("log prefix", log->prefix, kMaxLogPrefixBytes);
  }
  return "";
}

std::string CheckAction(const Action& action) {
  if (const auto* verdict = std::get_if<Verdict>(&action)) return CheckVerdict(*verdict);
  if (const auto* vmap = std::get_if<VmapPort>(&action)) {
    if (!HasPorts(vmap->protocol)) return "it looks up a port of a protocol that has none";
  }
  return "";
}

// Two matches that no packet can meet at once are a mistake, and nft refuses their text.
std::string CheckContradiction(const Rule& rule) {
  std::optional<Family> family;
  std::optional<std::uint8_t> protocol;
  const auto see = [&](std::optional<Family> next_family,
                       std::optional<std::uint8_t> next_protocol) {
    const bool contradiction = (family && next_family && *family != *next_family) ||
                               (protocol && next_protocol && *protocol != *next_protocol);
    if (next_family) family = next_family;
    if (next_protocol) protocol = next_protocol;
    return contradiction;
  };
  bool contradiction = false;
  for (const Match& match : rule.matches) contradiction |= see(FamilyOf(match), ProtocolOf(match));
  if (rule.action) {
    if (const auto* vmap = std::get_if<VmapAddress>(&*rule.action)) {
      contradiction |= see(vmap->family, std::nullopt);
    }
    if (const auto* vmap = std::get_if<VmapPort>(&*rule.action)) {
      contradiction |= see(std::nullopt, vmap->protocol);
    }
  }
  return contradiction ? "it matches two families or two protocols at once" : "";
}

std::string CheckRule(const Rule& rule) {
  if (!rule.foreign.empty()) return "it is not one of Podgate's forms";
  std::string wrong = CheckText("comment", rule.comment, kMaxCommentBytes);
  for (const Match& match : rule.matches) {
    if (wrong.empty()) wrong = CheckMatch(match);
  }
  for (const Statement& statement : rule.statements) {
    if (wrong.empty()) wrong = CheckStatement(statement);
  }
  if (wrong.empty() && rule.action) wrong = CheckAction(*rule.action);
  return wrong.empty() ? CheckContradiction(rule) : wrong;
}

std::string CheckKey(const std::vector<Field>& key, bool interval) {
  if (key.empty()) return "its key has no fields";
  if (interval && key.size() > 1) return "an interval set has a concatenated key";
  return "";
}

template <typename Elements>
std::string CheckElements(const Elements& op) {
  std::string wrong = CheckKey(op.key, op.interval);
  if (!wrong.empty()) return wrong;
  const std::size_t bytes = KeyBytes(op.key);
  for (const Element& element : op.elements) {
    const bool last_fits = element.last.empty() || (op.interval && element.last.size() == bytes);
    if (element.key.size() != bytes || !last_fits) {
      return fmt::format("element {} has another type of key", PrintKey(element.key, op.key));
    }
    if (!element.last.empty() && element.last < element.key) {
      return fmt::format("the interval from {} ends before it starts",
                         PrintKey(element.key, op.key));
    }
    if (element.verdict) wrong = CheckVerdict(*element.verdict);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

class Checker {
 public:
  std::string operator()(const AddTable& op) const {
    return CheckText("comment", op.comment, kMaxCommentBytes);
  }
  std::string operator()(const AddCounter& op) const { return CheckName(op.name); }
  std::string operator()(const AddSet& op) const {
    if (!op.set.foreign.empty()) return "it is not one of Podgate's forms";
    std::string wrong = CheckName(op.set.name);
    if (wrong.empty()) wrong = CheckText("comment", op.set.comment, kMaxCommentBytes);
    return wrong.empty() ? CheckKey(op.set.key, op.set.interval) : wrong;
  }
  std::string operator()(const AddElements& op) const { return CheckElements(op); }
  std::string operator()(const DeleteElements& op) const { return CheckElements(op); }
  std::string operator()(const AddChain& op) const { return CheckName(op.name); }
  std::string operator()(const SetRules& op) const {
    for (std::size_t i = 0; i < op.rules.size(); ++i) {
      const std::string wrong = CheckRule(op.rules[i]);
      if (!wrong.empty()) return fmt::format("{}: {}", DescribeRule(op, i), wrong);
    }
    return "";
  }
  // Whatever is there, by whatever name, can be deleted or flushed.
  template <typename Deletion>
  std::string operator()(const Deletion&) const {
    return "";
  }
};

}  // namespace

Status CheckExpressible(const Step& step) {
  for (const Operation& operation : step.operations) {
    std::string wrong = std::visit(Checker(), operation);
    if (wrong.empty() && step.family != TableFamily::kInet &&
        std::holds_alternative<AddSet>(operation)) {
      wrong = "tables of family netdev have no sets";
    }
    if (wrong.empty()) continue;
    return Status(Status::Code::kInvalid,
                  fmt::format("Cannot change table {} {}: {}: {}; nothing of this step was changed",
                              FamilyName(step.family), step.table, Describe(operation), wrong));
  }
  return {};
}

}  // namespace podgate::nft
