#include "controller/transport/yaml_tree.h"

#include <fmt/format.h>
#include <libfyaml.h>

#include <algorithm>
#include <memory>

#include "compiler/load/yaml_source.h"

namespace podgate::controller {
namespace {

constexpr std::size_t kMaxDepth = 32;

using Parser = std::unique_ptr<fy_parser, void (*)(fy_parser*)>;

std::string Text(fy_token* token) {
  std::size_t length = 0;
  const char* text = fy_token_get_text(token, &length);
  return text == nullptr ? std::string() : std::string(text, length);
}

class Builder {
 public:
  Builder(fy_parser* parser, const std::string& file) : parser_(parser), file_(file) {}

  nft::Result<YamlNode> Build() {
    YamlNode root;
    root.kind = YamlNode::Kind::kMapping;
    bool done = false;
    while (!done && error_.ok()) {
      fy_event* event = fy_parser_parse(parser_);
      if (event == nullptr) break;
      done = event->type == FYET_DOCUMENT_END;
      Take(event, &root);
      fy_parser_event_free(parser_, event);
    }
    if (!error_.ok()) return error_;
    if (fy_parser_get_stream_error(parser_)) return Fail(0, "this is not readable YAML");
    return root;
  }

 private:
  nft::Status Fail(std::size_t line, const std::string& what) {
    return {nft::Status::Code::kInvalid, line == 0 ? fmt::format("{}: {}", file_, what)
                                                   : fmt::format("{}:{}: {}", file_, line, what)};
  }

  void Take(fy_event* event, YamlNode* root) {
    const fy_mark* mark = fy_event_start_mark(event);
    const std::size_t line = mark == nullptr ? 0 : static_cast<std::size_t>(mark->line) + 1;
    switch (event->type) {
      case FYET_ALIAS:
        error_ = Fail(line, "aliases (*name) are not supported here; write the value out");
        return;
      case FYET_SCALAR: {
        YamlNode node;
        node.line = line;
        node.text = Text(event->scalar.value);
        node.plain = event->scalar.value == nullptr ||
                     fy_token_scalar_style(event->scalar.value) == FYSS_PLAIN;
        if (!open_.empty() && open_.back()->kind == YamlNode::Kind::kMapping && !have_key_) {
          key_ = std::move(node.text);
          have_key_ = true;
          return;
        }
        Add(std::move(node), root);
        return;
      }
      case FYET_MAPPING_START:
      case FYET_SEQUENCE_START: {
        if (open_.size() >= kMaxDepth) {
          error_ = Fail(line, fmt::format("this is nested deeper than {} levels", kMaxDepth));
          return;
        }
        if (!open_.empty() && open_.back()->kind == YamlNode::Kind::kMapping && !have_key_) {
          error_ = Fail(line, "a key must be a plain text");
          return;
        }
        YamlNode node;
        node.line = line;
        node.kind = event->type == FYET_MAPPING_START ? YamlNode::Kind::kMapping
                                                      : YamlNode::Kind::kSequence;
        open_.push_back(Add(std::move(node), root));
        return;
      }
      case FYET_MAPPING_END:
      case FYET_SEQUENCE_END:
        open_.pop_back();
        return;
      default:
        return;
    }
  }

  // Where the node now stands. Parents never move while a child is open: only the innermost one
  // grows.
  YamlNode* Add(YamlNode node, YamlNode* root) {
    if (open_.empty()) {
      *root = std::move(node);
      return root;
    }
    YamlNode* parent = open_.back();
    if (parent->kind == YamlNode::Kind::kSequence) {
      parent->items.push_back(std::move(node));
      return &parent->items.back();
    }
    have_key_ = false;
    if (parent->Find(key_) != nullptr)
      error_ = Fail(node.line, fmt::format("\"{}\" is given twice", key_));
    parent->members.push_back({std::move(key_), std::move(node)});
    return &parent->members.back().value;
  }

  fy_parser* parser_;
  const std::string& file_;
  nft::Status error_;
  std::vector<YamlNode*> open_;
  std::string key_;
  bool have_key_ = false;
};

}  // namespace

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

bool YamlNode::IsNull() const {
  return kind == Kind::kScalar && plain &&
         (text.empty() || text == "~" || text == "null" || text == "Null");
}

nft::Result<YamlNode> ParseYaml(const std::string& text, const std::string& file) {
  // libfyaml leaks memory over some bytes that no YAML may have, and takes others for the end.
  if (const auto bad = compiler::FindBadByte(text, 0, text.size())) {
    const auto at = text.begin() + static_cast<std::ptrdiff_t>(std::min(bad->offset, text.size()));
    return nft::Status(
        nft::Status::Code::kInvalid,
        fmt::format("{}:{}: {}", file, std::count(text.begin(), at, '\n') + 1, bad->message));
  }
  fy_diag_cfg diag_config;
  fy_diag_cfg_default(&diag_config);
  diag_config.fp = nullptr;
  diag_config.output_fn = [](fy_diag*, void*, const char*, std::size_t) {};
  const std::unique_ptr<fy_diag, void (*)(fy_diag*)> diag(fy_diag_create(&diag_config),
                                                          fy_diag_destroy);
  if (diag != nullptr) fy_diag_set_collect_errors(diag.get(), true);
  fy_parse_cfg config{};
  config.flags =
      static_cast<fy_parse_cfg_flags>(FYPCF_COLLECT_DIAG | FYPCF_SLOPPY_FLOW_INDENTATION);
  config.diag = diag.get();
  const Parser parser(diag == nullptr ? nullptr : fy_parser_create(&config), fy_parser_destroy);
  if (parser == nullptr || fy_parser_set_string(parser.get(), text.data(), text.size()) != 0) {
    return nft::Status(nft::Status::Code::kOther,
                       fmt::format("{}: cannot start the YAML parser", file));
  }
  auto result = Builder(parser.get(), file).Build();
  if (!result.ok()) {
    void* position = nullptr;
    if (const fy_diag_error* error = fy_diag_errors_iterate(diag.get(), &position)) {
      return nft::Status(nft::Status::Code::kInvalid,
                         fmt::format("{}:{}: {}", file, error->line, error->msg));
    }
  }
  return result;
}

}  // namespace podgate::controller
