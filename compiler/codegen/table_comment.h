// The comment of the table: it names the node whose rules the table holds, so that an agent that
// was given another name can tell. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "nft/model/ruleset.h"

namespace podgate::compiler {

// At most nft::kMaxCommentBytes, and different for any two nodes.
std::string TableComment(std::string_view node);

// The node as its table's comment spells it: the name itself; of a long one, or one that no Node
// can have, what is readable of it and a hash.
std::string NodeInComment(std::string_view node);

// What NodeInComment() said of the node whose table has this comment. nullopt: the comment names no
// node, as those of version 0.1 and of foreign tables.
std::optional<std::string> NodeOfTable(std::string_view comment);

// Pods that the table isolates in any direction.
std::size_t IsolatedPods(const nft::Ruleset& table);

}  // namespace podgate::compiler
