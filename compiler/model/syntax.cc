#include "compiler/model/syntax.h"

#include <re2/re2.h>

#include <algorithm>

namespace podgate::compiler {
namespace {

constexpr std::size_t kSubdomainLength = 253;
constexpr std::size_t kLabelLength = 63;
constexpr std::size_t kPortNameLength = 15;
constexpr std::size_t kQuotedLength = 64;

bool Full(std::string_view text, const re2::RE2& pattern) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

const re2::RE2& DnsLabel() {
  static const re2::RE2 pattern("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
  return pattern;
}
const re2::RE2& Subdomain() {
  static const re2::RE2 pattern("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  return pattern;
}
const re2::RE2& LabelName() {
  static const re2::RE2 pattern("[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?");
  return pattern;
}
const re2::RE2& PortName() {
  static const re2::RE2 pattern("[a-z0-9]+(-[a-z0-9]+)*");
  return pattern;
}

// What most names and labels are: lower case letters, digits and '-' inside, which each of the
// patterns above but the port's takes. Millions of texts are checked before a large cluster is
// read, so that the engine is asked about the others alone.
bool IsPlain(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || !alphanumeric(text.front()) || !alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
}

std::string TooLong(std::string_view text, std::size_t limit) {
  return "must have at most " + std::to_string(limit) + " characters, has " +
         std::to_string(text.size());
}

// `text` as it is told, `key` as it is looked at. `what`: whose key it is.
std::optional<std::string> CheckKey(std::string_view text, std::string_view key,
                                    std::string_view what) {
  const auto bad = [&] {
    return "the " + std::string(what) + " key " + Quote(text) + " is not valid: its ";
  };
  std::string_view name = key;
  const std::size_t slash = key.find('/');
  if (slash != std::string_view::npos) {
    name = key.substr(slash + 1);
    if (const auto wrong = CheckSubdomain(key.substr(0, slash))) return bad() + "prefix " + *wrong;
  }
  if (name.size() > kLabelLength) return bad() + "name " + TooLong(name, kLabelLength);
  if (IsPlain(name) || Full(name, LabelName())) return std::nullopt;
  return bad() +
         "name must consist of letters, digits, '-', '_' and '.', and must start and end with a "
         "letter or digit";
}

}  // namespace

std::optional<std::string> CheckSubdomain(std::string_view text) {
  if (text.size() > kSubdomainLength) return TooLong(text, kSubdomainLength);
  if (IsPlain(text) || Full(text, Subdomain())) return std::nullopt;
  return "must consist of lower case letters, digits, '-' and '.', and each part between dots must "
         "start and end with a letter or digit, found " +
         Quote(text);
}

std::optional<std::string> CheckDnsLabel(std::string_view text) {
  if (text.size() > kLabelLength) return TooLong(text, kLabelLength);
  if (IsPlain(text) || Full(text, DnsLabel())) return std::nullopt;
  return "must consist of lower case letters, digits and '-', and must start and end with a letter "
         "or digit, found " +
         Quote(text);
}

std::optional<std::string> CheckLabelKey(std::string_view text) {
  return CheckKey(text, text, "label");
}

std::optional<std::string> CheckAnnotationKey(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return CheckKey(text, lower, "annotation");
}

std::optional<std::string> CheckLabelValue(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text.size() > kLabelLength) {
    return "the label value " + Quote(text) + " " + TooLong(text, kLabelLength);
  }
  if (IsPlain(text) || Full(text, LabelName())) return std::nullopt;
  return "the label value " + Quote(text) +
         " must be empty or consist of letters, digits, '-', '_' and '.', and must start and end "
         "with a letter or digit";
}

std::optional<std::string> CheckPortName(std::string_view text) {
  if (text.size() > kPortNameLength) {
    return "the port name " + Quote(text) + " " + TooLong(text, kPortNameLength);
  }
  if (Full(text, PortName()) &&
      text.find_first_of("abcdefghijklmnopqrstuvwxyz") != std::string_view::npos) {
    return std::nullopt;
  }
  return "must be a number from 1 to 65535 without quotes, or a port name of lower case letters, "
         "digits and single '-' inside, with at least one letter, found " +
         Quote(text);
}

std::string Quote(std::string_view text) {
  if (text.size() <= kQuotedLength) return '"' + std::string(text) + '"';
  std::size_t end = kQuotedLength;
  // Never cut inside a UTF-8 sequence.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return '"' + std::string(text.substr(0, end)) + "…\"";
}

}  // namespace podgate::compiler
