// From what the kernel dumps back to the values of nft/model/ruleset.h. Whatever has a form that
// these cannot hold comes back with its `foreign` text set. Internal to nft/; any thread, one
// object at a time.
#pragma once

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

// Without elements.
Set DecodeSet(const nftnl_set* set);

// The elements that `from` holds, sorted, into `set`, which DecodeSet() made.
void DecodeElements(nftnl_set* from, Set* set);

}  // namespace podgate::nft
