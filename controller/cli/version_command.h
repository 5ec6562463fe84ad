// `podgate version`.
#pragma once

#include <iosfwd>
#include <string>

namespace podgate::controller {

// `output`: "text", "json" or "yaml".
void PrintVersion(const std::string& output, std::ostream& out);

}  // namespace podgate::controller
