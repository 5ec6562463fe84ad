// From what the kernel dumps to the values of nft/model/ruleset.h. An object whose form these
// cannot hold gets a `foreign` text. Internal to nft/; any thread, one object at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "nft/model/ruleset.h"

struct nftnl_chain;
struct nftnl_rule;
struct nftnl_set;
struct nftnl_table;

namespace podgate::nft {

// Table name, comment and flags; not what is in it.
Ruleset DecodeTable(const nftnl_table* table);

// Without rules.
Chain DecodeChain(const nftnl_chain* chain);

Rule DecodeRule(const nftnl_rule* rule);

// The inverse of VerdictCode(). nullopt: a verdict that Podgate does not use (continue, queue).
std::optional<Verdict> DecodeVerdict(std::uint32_t code, const char* chain);

// Without elements.
Set DecodeSet(const nftnl_set* set);

// The elements that `from` holds, sorted, into `set`, which DecodeSet() made.
void DecodeElements(nftnl_set* from, Set* set);

}  // namespace podgate::nft
