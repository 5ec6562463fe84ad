// Operations of a step as netlink messages, with the same attributes and expressions that nft makes
// of the printed text. Internal to nft/; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nft/codec/batch.h"
#include "nft/model/ruleset.h"
#include "nft/model/step.h"

struct nftnl_rule;

namespace podgate::nft {

// nft's numbers for types of keys, 6 bits each in a concatenation; kept by the kernel for listings.
std::uint32_t TypeId(const std::vector<Field>& key);

// The kernel's verdict number, as rules and elements carry it.
std::uint32_t VerdictCode(Verdict::Kind kind);

// Adds the expressions and the comment of the rule.
void EncodeRule(const Rule& rule, nftnl_rule* out);

// `set_id` is any number that no other set of the batch has.
void EncodeAddSet(const std::string& table, const Set& set, std::uint32_t set_id,
                  const RequestOrigin& origin, Batch* batch);
void EncodeElements(const std::string& table, const AddElements& op, const RequestOrigin& origin,
                    Batch* batch);
void EncodeElements(const std::string& table, const DeleteElements& op, const RequestOrigin& origin,
                    Batch* batch);

// The whole step; the batch is complete afterwards.
void EncodeStep(const Step& step, Batch* batch);

}  // namespace podgate::nft
