// A libfyaml parser set up to read what Kubernetes' tools read. Pure.
#pragma once

#include <libfyaml.h>

#include <memory>
#include <string_view>

namespace podgate::compiler {

struct YamlParserDeleter {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
using YamlParser = std::unique_ptr<fy_parser, YamlParserDeleter>;

// nullptr: no memory. `text` and `diag` (nullptr if errors are not asked for) must outlive
// the parser.
inline YamlParser MakeYamlParser(std::string_view text, fy_diag* diag) {
  fy_parse_cfg config{};
  config.search_path = "";
  // Sloppy: Kubernetes' reader wants no indentation inside of brackets, so neither do we.
  config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_1 |
                                                 FYPCF_DISABLE_ACCELERATORS | FYPCF_JSON_NONE |
                                                 FYPCF_SLOPPY_FLOW_INDENTATION);
  config.diag = diag;
  YamlParser parser(fy_parser_create(&config));
  if (parser && fy_parser_set_string(parser.get(), text.data(), text.size()) != 0) parser.reset();
  return parser;
}

}  // namespace podgate::compiler
