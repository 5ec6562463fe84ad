#include "compiler/load/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace podgate::compiler {
namespace {

using Type = YamlScalar::Type;

constexpr std::size_t kLongestWord = 5;  // "False"

template <std::size_t N>
bool OneOf(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                    "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                     "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 12> kNotFinite = {".nan",  ".NaN",  ".NAN",  ".inf",
                                                         ".Inf",  ".INF",  "+.inf", "+.Inf",
                                                         "+.INF", "-.inf", "-.Inf", "-.INF"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// An integer with the prefix of its base (0x, 0o, 0b, 0), without the sign. kNumber: more than 64
// bits.
std::optional<YamlScalar> Integer(std::string_view digits, bool negative) {
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    switch (digits[1]) {
      case 'x':
      case 'X':
        base = 16;
        break;
      case 'o':
      case 'O':
        base = 8;
        break;
      case 'b':
      case 'B':
        base = 2;
        break;
      default:
        base = 8;
        digits.remove_prefix(1);
        break;
    }
    if (base != 8 || digits[0] == '0') {
      if (digits.size() > 1 && !IsDigit(digits[1])) digits.remove_prefix(2);
    }
  }
  if (digits.empty() || digits[0] == '-' || digits[0] == '+') return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (end != digits.data() + digits.size()) return std::nullopt;
  YamlScalar scalar{Type::kNumber};
  const std::uint64_t limit = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (error != std::errc() || value > limit) return scalar;
  scalar.type = Type::kInteger;
  // The negation is done unsigned, as the smallest integer has no positive twin.
  scalar.integer = static_cast<std::int64_t>(negative ? 0 - value : value);
  return scalar;
}

// [digits][.digits][e[sign]digits] with at least one digit before or behind the point.
bool LooksLikeFloat(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    return i - from;
  };
  const std::size_t before = digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0 && before == 0) return false;
  } else if (before == 0) {
    return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

std::optional<YamlScalar> Float(std::string_view digits, bool negative) {
  if (!LooksLikeFloat(digits)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  static_cast<void>(end);
  // Go takes what is too large for a double for a string, and what is too small for zero.
  if (error != std::errc() && digits.find('-') == std::string_view::npos) return std::nullopt;
  YamlScalar scalar{Type::kNumber};
  constexpr double kExact = 9007199254740992.0;  // up to here each integer is a double
  if (error == std::errc() && value <= kExact && value == std::floor(value)) {
    scalar.type = Type::kInteger;
    scalar.integer = static_cast<std::int64_t>(negative ? -value : value);
  }
  return scalar;
}

// A plain scalar without a tag.
YamlScalar ResolvePlain(std::string_view text) {
  if (text.size() <= kLongestWord) {
    if (OneOf(text, kTrue)) return {Type::kBool, true};
    if (OneOf(text, kFalse)) return {Type::kBool, false};
    if (OneOf(text, kNull)) return {Type::kNull};
    if (OneOf(text, kNotFinite)) return {Type::kNumber};
  }
  const char first = text[0];
  if (!IsDigit(first) && first != '+' && first != '-' && first != '.') return {};
  std::string digits;
  const bool negative = first == '-';
  for (const char c : text.substr(negative || first == '+' ? 1 : 0)) {
    if (c != '_' || first == '.') digits.push_back(c);
  }
  if (digits.empty()) return {};
  if (const auto integer = Integer(digits, negative)) return *integer;
  if (const auto number = Float(digits, negative)) return *number;
  return {};
}

}  // namespace

std::optional<YamlScalar> ResolveScalar(std::string_view text, bool plain, YamlTag tag) {
  if (tag == YamlTag::kNone) return plain ? ResolvePlain(text) : YamlScalar{};
  if (tag == YamlTag::kString || tag == YamlTag::kOther) return YamlScalar{};
  if (tag == YamlTag::kBinary) return std::nullopt;
  const YamlScalar scalar = ResolvePlain(text);
  const bool number = scalar.type == Type::kInteger || scalar.type == Type::kNumber;
  bool fits = false;
  if (tag == YamlTag::kInt || tag == YamlTag::kFloat) fits = number;
  if (tag == YamlTag::kBool) fits = scalar.type == Type::kBool;
  if (tag == YamlTag::kNull) fits = scalar.type == Type::kNull;
  if (!fits) return std::nullopt;
  return scalar;
}

std::optional<std::string> ResolveKey(std::string_view text, bool plain, YamlTag tag) {
  const auto scalar = ResolveScalar(text, plain, tag);
  if (!scalar) return std::nullopt;
  switch (scalar->type) {
    case Type::kNull:
      return std::nullopt;
    case Type::kBool:
      return scalar->boolean ? "true" : "false";
    case Type::kInteger:
      return std::to_string(scalar->integer);
    case Type::kNumber:
    case Type::kString:
      break;
  }
  return std::string(text);
}

std::string UnquoteSingle(std::string_view raw) {
  std::string text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\'' && i + 1 < raw.size()) ++i;  // of two, the first
    if (raw[i] != '\n' && raw[i] != '\r') {
      text.push_back(raw[i]);
      continue;
    }
    // Blanks around line ends do not count; one line end is a space, of more the first is dropped.
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
    std::size_t lines = 0;
    for (; i < raw.size() && std::string_view(" \t\r\n").find(raw[i]) != std::string_view::npos;
         ++i) {
      if (raw[i] == '\n') ++lines;
    }
    --i;
    text.append(lines > 1 ? lines - 1 : 1, lines > 1 ? '\n' : ' ');
  }
  return text;
}

YamlTag ParseTag(std::string_view tag) {
  if (tag.empty()) return YamlTag::kNone;
  if (tag == "!") return YamlTag::kString;
  constexpr std::string_view kPrefix = "tag:yaml.org,2002:";
  if (tag.starts_with(kPrefix)) {
    tag.remove_prefix(kPrefix.size());
  } else if (tag.starts_with("!!")) {
    tag.remove_prefix(2);
  } else {
    return YamlTag::kOther;
  }
  if (tag == "str") return YamlTag::kString;
  if (tag == "int") return YamlTag::kInt;
  if (tag == "float") return YamlTag::kFloat;
  if (tag == "bool") return YamlTag::kBool;
  if (tag == "null") return YamlTag::kNull;
  if (tag == "binary") return YamlTag::kBinary;
  return YamlTag::kOther;
}

}  // namespace podgate::compiler
