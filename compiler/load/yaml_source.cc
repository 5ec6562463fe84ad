#include "compiler/load/yaml_source.h"

#include <libfyaml.h>

#include <string>
#include <utility>

#include "compiler/load/yaml_empty_items.h"
#include "compiler/load/yaml_expand.h"
#include "compiler/load/yaml_parser.h"

namespace podgate::compiler {
namespace {

struct EventDeleter {
  fy_parser* parser;
  void operator()(fy_event* event) const { fy_parser_event_free(parser, event); }
};

std::string TextOf(fy_token* token) {
  std::size_t length = 0;
  const char* text = token == nullptr ? nullptr : fy_token_get_text(token, &length);
  return text == nullptr ? std::string() : std::string(text, length);
}

// The length of the UTF-8 sequence that begins at `at`; 0: there is none, or it is one that Unicode
// forbids.
std::size_t SequenceLength(std::string_view text, std::size_t at, std::size_t end) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (at + length > end || byte(at + 1) < low || byte(at + 1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

// libfyaml tells lines and columns (in characters) of the text it was given.
std::size_t OffsetOf(std::string_view text, int line, int column) {
  std::size_t at = 0;
  for (int i = 1; i < line; ++i) {
    const std::size_t newline = text.find('\n', at);
    if (newline == std::string_view::npos) return at;
    at = newline + 1;
  }
  for (int i = 1; i < column && at < text.size() && text[at] != '\n'; ++i) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  }
  return at;
}

// The text between the quotes of a single-quoted scalar that holds such quotes itself.
std::optional<std::string_view> DoublyQuoted(std::string_view text, fy_token* value,
                                             fy_scalar_style style) {
  if (style != FYSS_SINGLE_QUOTED) return std::nullopt;
  const fy_mark* first = fy_token_start_mark(value);
  const fy_mark* last = fy_token_end_mark(value);
  if (first == nullptr || last == nullptr || last->input_pos > text.size()) return std::nullopt;
  text = text.substr(first->input_pos, last->input_pos - first->input_pos);
  if (text.find("''") == std::string_view::npos) return std::nullopt;
  return text;
}

}  // namespace

std::optional<Problem> FindBadByte(std::string_view text, std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end;) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if ((byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\t' || byte == '\r') {
      ++at;
      continue;
    }
    const std::size_t length = byte < 0x80 ? 0 : SequenceLength(text, at, end);
    if (length != 0) {
      at += length;
      continue;
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    const std::string message =
        std::string(byte < 0x80 ? "not valid YAML: there is a control character, byte 0x"
                                : "not valid UTF-8: byte 0x") +
        kHex[byte >> 4] + kHex[byte & 15];
    return Problem{Diagnostic::Severity::kError, at, "", message};
  }
  return std::nullopt;
}

std::optional<Problem> YamlSource::Parse(std::size_t begin, std::size_t end,
                                         const MakeReader& make_reader) {
  const FilledYaml filled(text_.substr(begin, end - begin));
  ValueReader* reader = nullptr;
  std::optional<YamlExpander> expander;
  expander.emplace(&reader);
  const std::unique_ptr<ValueReader> owned = make_reader(&*expander);
  reader = owned.get();
  auto problem = Pass(begin, filled, &*expander);
  if (!problem && reader->StartOver()) {
    expander.emplace(&reader);  // in the same place, where the reader looks for it
    problem = Pass(begin, filled, &*expander);
  }
  return problem;
}

std::optional<Problem> YamlSource::Pass(std::size_t begin, const FilledYaml& filled,
                                        YamlExpander* expander) {
  const YamlErrors errors = CollectYamlErrors();
  const YamlParser parser = MakeYamlParser(filled.text(), errors);
  if (!parser) {
    return Problem{Diagnostic::Severity::kError, begin, "", "no memory to read the document"};
  }

  std::size_t last = begin;  // where the last value stood that has a place
  const auto place = [&](fy_token* token) {
    const fy_mark* mark = token == nullptr ? nullptr : fy_token_start_mark(token);
    if (mark == nullptr) return last;
    return last = begin + filled.Original(mark->input_pos);
  };
  std::size_t documents = 0;
  for (;;) {
    const std::unique_ptr<fy_event, EventDeleter> event(fy_parser_parse(parser.get()),
                                                        EventDeleter{parser.get()});
    if (!event) break;
    YamlEvent out;
    switch (event->type) {
      case FYET_SCALAR: {
        out.kind = YamlEvent::Kind::kScalar;
        fy_token* value = event->scalar.value;
        out.offset = place(value);
        const fy_scalar_style style = value == nullptr ? FYSS_PLAIN : fy_token_scalar_style(value);
        out.plain = style == FYSS_PLAIN;
        // The mark of a quoted scalar stands behind its quote.
        if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && out.offset > begin) {
          --out.offset;
        }
        out.tag = ParseTag(TextOf(event->scalar.tag));
        out.anchor = TextOf(event->scalar.anchor);
        if (const auto raw = DoublyQuoted(filled.text(), value, style)) {
          out.text = UnquoteSingle(*raw);
        } else {
          out.text = TextOf(value);
        }
        // libfyaml gives a block scalar that is empty at the end of the text one NUL.
        if (style == FYSS_LITERAL || style == FYSS_FOLDED) std::erase(out.text, '\0');
        break;
      }
      case FYET_MAPPING_START:
        out.kind = YamlEvent::Kind::kMapStart;
        out.offset = place(event->mapping_start.mapping_start);
        out.anchor = TextOf(event->mapping_start.anchor);
        break;
      case FYET_MAPPING_END:
        out.kind = YamlEvent::Kind::kMapEnd;
        break;
      case FYET_SEQUENCE_START:
        out.kind = YamlEvent::Kind::kSeqStart;
        out.offset = place(event->sequence_start.sequence_start);
        out.anchor = TextOf(event->sequence_start.anchor);
        break;
      case FYET_SEQUENCE_END:
        out.kind = YamlEvent::Kind::kSeqEnd;
        break;
      case FYET_ALIAS:
        out.kind = YamlEvent::Kind::kAlias;
        out.offset = place(event->alias.anchor);
        if (out.offset > begin) --out.offset;  // the mark stands behind the '*'
        out.text = TextOf(event->alias.anchor);
        break;
      case FYET_DOCUMENT_START:
        if (++documents > 1) {
          if (second_ == SecondDocument::kIgnored) return std::nullopt;
          return Problem{Diagnostic::Severity::kError, last, "",
                         "a second document begins without a line that says ---"};
        }
        continue;
      default:
        continue;
    }
    if (!expander->Feed(std::move(out))) return expander->problem();
  }
  void* state = nullptr;
  while (const fy_diag_error* error = fy_diag_errors_iterate(errors.get(), &state)) {
    if (error->type != FYET_ERROR) continue;
    return Problem{Diagnostic::Severity::kError,
                   begin + filled.Original(OffsetOf(filled.text(), error->line, error->column)), "",
                   "not valid YAML: " + std::string(error->msg)};
  }
  if (fy_parser_get_stream_error(parser.get())) {
    return Problem{Diagnostic::Severity::kError, last, "", "not valid YAML"};
  }
  return std::nullopt;
}

}  // namespace podgate::compiler
