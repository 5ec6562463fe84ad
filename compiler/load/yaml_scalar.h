// What a YAML scalar is to Kubernetes: its tools read YAML 1.1 (yes, 010 and 1_000 are no strings)
// and then go through JSON, so a number without a fraction is an integer however it was written.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace podgate::compiler {

enum class YamlTag : std::uint8_t { kNone, kString, kInt, kFloat, kBool, kNull, kBinary, kOther };

struct YamlScalar {
  enum class Type : std::uint8_t { kNull, kBool, kInteger, kNumber, kString };
  Type type = Type::kString;
  bool boolean = false;
  std::int64_t integer = 0;
  // kNumber and kString: the scalar's own text stands for it.
};

// `plain`: neither quoted nor a block scalar. nullopt: the text is not what the tag says.
std::optional<YamlScalar> ResolveScalar(std::string_view text, bool plain, YamlTag tag);

// The key of a mapping as JSON has it ("0x10" is "16", "yes" is "true"); nullopt for null.
std::optional<std::string> ResolveKey(std::string_view text, bool plain, YamlTag tag);

// The value of a single-quoted scalar from the text between its quotes. libfyaml 0.7 reads two
// doubled quotes in a row wrongly, and leaks memory over them.
std::string UnquoteSingle(std::string_view raw);

// The tag's full name ("tag:yaml.org,2002:str"); empty: none; "!": the scalar is a string.
YamlTag ParseTag(std::string_view tag);

}  // namespace podgate::compiler
