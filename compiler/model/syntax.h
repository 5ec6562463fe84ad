// The syntax of names and labels in the Kubernetes API. Pure; safe from any thread.
//
// Each function returns what is wrong as the end of a sentence ("must be …"), or nullopt for a
// valid text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace podgate::compiler {

// Names of pods and policies, prefixes of label keys: an RFC 1123 subdomain, up to 253 characters.
std::optional<std::string> CheckSubdomain(std::string_view text);
// Names of namespaces: an RFC 1123 label, up to 63 characters.
std::optional<std::string> CheckDnsLabel(std::string_view text);
// [prefix/]name.
std::optional<std::string> CheckLabelKey(std::string_view text);
// As that of a label, but its prefix may have upper case letters.
std::optional<std::string> CheckAnnotationKey(std::string_view text);
std::optional<std::string> CheckLabelValue(std::string_view text);
// The name of a port (RFC 6335, in lower case only).
std::optional<std::string> CheckPortName(std::string_view text);

// `text` in quotes, cut to a length that a message can bear.
std::string Quote(std::string_view text);

}  // namespace podgate::compiler
