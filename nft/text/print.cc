// A whole table as nft text, laid out as `nft list table` lays it out.
#include "nft/text/print.h"

#include <fmt/format.h>

#include "nft/model/canonical.h"
#include "nft/text/print_parts.h"

namespace podgate::nft {
namespace {

std::string CommentLine(const std::string& comment, int depth) {
  if (comment.empty()) return "";
  return fmt::format("{}comment \"{}\"\n", std::string(depth, '\t'), QuotableText(comment));
}

std::string CounterBlock(const std::string& name) {
  return fmt::format("\tcounter {} {{\n\t\tpackets 0 bytes 0\n\t}}\n", name);
}

std::string SetBlock(const Set& set) {
  std::string text = fmt::format("\t{} {} {{\n", set.verdict_map ? "map" : "set", set.name);
  if (!set.foreign.empty()) {
    text += "\t\t# not one of Podgate's forms: " + QuotableText(set.foreign) + "\n";
  }
  text += "\t\t" + PrintType(set) + "\n";
  if (set.size != 0) text += fmt::format("\t\tsize {}\n", set.size);
  if (set.interval) text += "\t\tflags interval\n";
  text += CommentLine(set.comment, 2);
  if (!set.elements.empty()) {
    text += "\t\telements = { " + PrintElements(set.elements, set.key, set.interval) + " }\n";
  }
  return text + "\t}\n";
}

std::string ChainBlock(const Chain& chain) {
  std::string text = fmt::format("\tchain {} {{\n", chain.name);
  if (!chain.foreign.empty()) {
    text += "\t\t# not one of Podgate's forms: " + QuotableText(chain.foreign) + "\n";
  }
  if (chain.base) text += "\t\t" + PrintBase(*chain.base) + "\n";
  for (const Rule& rule : chain.rules) text += "\t\t" + Print(rule) + "\n";
  return text + "\t}\n";
}

}  // namespace

std::string Print(const Ruleset& ruleset) {
  // An addition never fails, so the deletion never does; both and the table are one transaction.
  std::string text = fmt::format("add table {1} {0}\ndelete table {1} {0}\ntable {1} {0} {{\n",
                                 ruleset.table, FamilyName(ruleset.family));
  text += CommentLine(ruleset.comment, 1);
  bool first = true;
  const auto append = [&](const std::string& block) {
    if (!first) text += '\n';
    first = false;
    text += block;
  };
  for (const std::string& counter : ruleset.counters) append(CounterBlock(counter));
  for (const auto& [name, set] : ruleset.sets) append(SetBlock(set));
  for (const auto& [name, chain] : ruleset.chains) append(ChainBlock(chain));
  return text + "}\n";
}

}  // namespace podgate::nft
