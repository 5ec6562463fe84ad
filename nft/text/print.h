// Prints a ruleset as `nft -f` text. Loading the text makes exactly the table that is made over
// netlink, and loading it a second time gives the same table again (the text first adds and deletes
// the table). Pure; deterministic: equal rulesets print equal bytes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "nft/model/ruleset.h"
#include "nft/model/step.h"

namespace podgate::nft {

std::string Print(const Ruleset& ruleset);
// One match, statement, action or whole rule as nft writes it, without a trailing newline.
std::string Print(const Rule& rule);
// A key's text, e.g. "10.0.0.1 . tcp . 80".
std::string PrintKey(const Key& key, const std::vector<Field>& fields);
// The steps of a change as nft text, for logs and tests; and one of them, the `number`th (from 1)
// of `count`.
std::string Print(const std::vector<Step>& steps);
std::string Print(const Step& step, std::size_t number, std::size_t count);

}  // namespace podgate::nft
