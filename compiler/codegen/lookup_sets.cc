#include "compiler/codegen/lookup_sets.h"

#include <fmt/format.h>

#include "compiler/codegen/names.h"
#include "compiler/codegen/set_definitions.h"

namespace podgate::compiler {

std::string SetPool::Block(const AddressSet& block) {
  const Family family = block.intervals().front().first.family();
  const std::string meaning = block.ToString();
  const std::string name =
      fmt::format("blocks{}_{}", family == Family::kIPv4 ? '4' : '6', Hash32(meaning));
  const auto [place, is_new] = out_->sets.try_emplace(name);
  if (!is_new) return name;

  nft::Set& set = place->second;
  set.name = name;
  set.key = {AddressField(family)};
  set.interval = true;
  for (const ipset::Interval& interval : block.intervals())
    set.elements.push_back({.key = nft::AddressKey(interval.first),
                            .last = nft::AddressKey(interval.last),
                            .verdict = {}});
  set.comment = Comment(meaning);
  return name;
}

}  // namespace podgate::compiler
