// Facts about the forms of nft/model/ruleset.h that the planner, the printer, the codec and the
// fake kernel share: sizes, names, and what the kernel gives back for a rule. Internal to nft/.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nft/model/ruleset.h"

namespace podgate::nft {

// Longest prefix of a log statement (NF_LOG_PREFIXLEN less the terminating zero), in bytes.
inline constexpr std::size_t kMaxLogPrefixBytes = 127;

// Bytes of the field itself, without padding.
std::size_t FieldBytes(Field field);
// Bytes of a whole key as the kernel holds it: with padding in a concatenation, without for a lone
// field.
std::size_t KeyBytes(const std::vector<Field>& fields);
// The field's name as nft writes types: "ipv4_addr".
const char* TypeName(Field field);

// What nft can write between double quotes: it knows no escapes, so a quote or a control character
// becomes '?'. Text without them is returned as it is.
std::string QuotableText(std::string_view text);

// The rule that the kernel gives back for this one: a family or protocol match is left out right
// before a match that implies it (nft makes the same expressions of both), and texts are quotable.
Rule Canonical(const Rule& rule);
bool SameRule(const Rule& a, const Rule& b);
bool SameRules(const std::vector<Rule>& a, const std::vector<Rule>& b);

// The family and the protocol that a match fixes by itself, if any.
std::optional<Family> FamilyOf(const Match& match);
std::optional<std::uint8_t> ProtocolOf(const Match& match);

}  // namespace podgate::nft
