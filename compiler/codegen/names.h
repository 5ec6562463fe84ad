// Names and comments of nftables objects: readable, valid as nft identifiers, unique also after
// truncation, and never longer than kernel and nft take. Pure.
//
// A name whose text says everything stands as it is. Every other name ends in "_" and a hash of
// what it stands for. Kubernetes names hold no underscore, so the two kinds never meet.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace podgate::compiler {

// First 128 bits of SHA-256, as 32 hex digits: whoever may write policies must not be able to find
// two texts with the same hash, which would give two different sets one name.
std::string Hash32(std::string_view content);

// Appends `part` so that no two different sequences of parts give the same text: what is hashed.
void AppendPart(std::string* content, std::string_view part);

// prefix + text when text consists of letters, digits, '.', '-' and '/' and fits.
// Else prefix + what is readable of it + "_" + hash of `identity`.
std::string PlainName(std::string_view prefix, std::string_view text, std::string_view identity,
                      std::size_t max_bytes);

// prefix + at most `text_bytes` readable bytes of text + "_" + hash of `identity`.
std::string HashedName(std::string_view prefix, std::string_view text, std::string_view identity,
                       std::size_t text_bytes);

// Printable ASCII without quotes and at most nft::kMaxCommentBytes: `head` is cut where it is too
// long, the tail (what tells rules of one policy apart) is kept.
std::string Comment(std::string_view head, std::string_view tail = {});

}  // namespace podgate::compiler
