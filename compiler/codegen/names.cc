#include "compiler/codegen/names.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cstdlib>

#include "nft/model/ruleset.h"

namespace podgate::compiler {
namespace {

constexpr std::size_t kHashBytes = 33;  // '_' and 32 digits

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '/';
}

// Runs of other characters become one '-'.
std::string Sanitised(std::string_view text, std::size_t max_bytes) {
  std::string result;
  for (const char c : text) {
    if (result.size() >= max_bytes) break;
    if (IsPlain(c)) {
      result += c;
    } else if (!result.empty() && result.back() != '-') {
      result += '-';
    }
  }
  while (!result.empty() && result.back() == '-') result.pop_back();
  return result;
}

}  // namespace

std::string Hash32(std::string_view content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  // Fails only when memory is exhausted or the library is broken; a made-up name would be worse
  // than the end.
  if (EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    std::abort();
  std::string text;
  for (std::size_t i = 0; i < 16; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

void AppendPart(std::string* content, std::string_view part) {
  *content += std::to_string(part.size());
  *content += ':';
  *content += part;
}

std::string HashedName(std::string_view prefix, std::string_view text, std::string_view identity,
                       std::size_t text_bytes) {
  std::string name(prefix);
  name += Sanitised(text, text_bytes);
  name += '_';
  name += Hash32(identity);
  return name;
}

std::string PlainName(std::string_view prefix, std::string_view text, std::string_view identity,
                      std::size_t max_bytes) {
  bool plain = prefix.size() + text.size() <= max_bytes;
  for (const char c : text) plain = plain && IsPlain(c);
  if (plain) return std::string(prefix) + std::string(text);
  return HashedName(prefix, text, identity, max_bytes - prefix.size() - kHashBytes);
}

std::string Comment(std::string_view head, std::string_view tail) {
  std::string comment(head);
  if (head.size() + tail.size() > nft::kMaxCommentBytes)
    comment = comment.substr(0, nft::kMaxCommentBytes - tail.size() - 3) + "...";
  comment += tail;
  // nft knows no escapes inside a quoted string.
  for (char& c : comment)
    if (c < ' ' || c > '~' || c == '"' || c == '\\') c = '?';
  return comment;
}

}  // namespace podgate::compiler
