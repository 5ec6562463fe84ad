// A libfyaml parser set up to read what Kubernetes' tools read. Pure.
#pragma once

#include <libfyaml.h>

#include <cstddef>
#include <memory>
#include <string_view>

namespace podgate::compiler {

struct YamlParserDeleter {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
using YamlParser = std::unique_ptr<fy_parser, YamlParserDeleter>;

struct YamlErrorsDeleter {
  void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};
using YamlErrors = std::unique_ptr<fy_diag, YamlErrorsDeleter>;

// Keeps a parser's errors and writes none. libfyaml 0.7 writes those of a parser without it to
// stderr, whatever its flags say, and then reads beyond the ends of a line with many tabs. nullptr:
// no memory.
inline YamlErrors CollectYamlErrors() {
  fy_diag_cfg config;
  fy_diag_cfg_default(&config);
  config.fp = nullptr;
  config.output_fn = [](fy_diag*, void*, const char*, std::size_t) {};
  YamlErrors errors(fy_diag_create(&config));
  if (errors) fy_diag_set_collect_errors(errors.get(), true);
  return errors;
}

// nullptr: no memory. `text` and `errors` must outlive the parser.
inline YamlParser MakeYamlParser(std::string_view text, const YamlErrors& errors) {
  if (!errors) return nullptr;
  fy_parse_cfg config{};
  config.search_path = "";
  // Sloppy: Kubernetes' reader wants no indentation inside of brackets, so neither do we.
  config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_1 |
                                                 FYPCF_DISABLE_ACCELERATORS | FYPCF_JSON_NONE |
                                                 FYPCF_SLOPPY_FLOW_INDENTATION);
  config.diag = errors.get();
  YamlParser parser(fy_parser_create(&config));
  if (parser && fy_parser_set_string(parser.get(), text.data(), text.size()) != 0) parser.reset();
  return parser;
}

}  // namespace podgate::compiler
