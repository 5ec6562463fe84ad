#include "compiler/load/yaml_empty_items.h"

#include "compiler/load/yaml_parser.h"

namespace podgate::compiler {
namespace {

constexpr std::string_view kNull = " ~";
// Larger documents are dumps, in which null is written out; they are read piece by piece and never
// held as a whole.
constexpr std::size_t kMostLooked = 16u << 20;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Whether a line ends with a dash that may be an item's, apart from blanks and a comment: then the
// text is worth a second look.
bool HasBareDash(std::string_view text) {
  for (std::size_t at = text.find('-'); at != std::string_view::npos; at = text.find('-', at + 1)) {
    if (at != 0 && !IsBlank(text[at - 1]) && text[at - 1] != '\n') continue;
    std::size_t next = at + 1;
    while (next < text.size() && IsBlank(text[next])) ++next;
    if (next == text.size() || text[next] == '\n' || text[next] == '#') return true;
  }
  return false;
}

bool BeginsValue(fy_token_type type) {
  switch (type) {
    case FYTT_BLOCK_ENTRY:
    case FYTT_BLOCK_END:
    case FYTT_KEY:
    case FYTT_VALUE:
    case FYTT_DOCUMENT_START:
    case FYTT_DOCUMENT_END:
    case FYTT_STREAM_END:
      return false;
    default:
      return true;
  }
}

// The offsets behind the dashes that no value follows. What cannot be scanned is the parser's to
// refuse.
std::vector<std::size_t> EmptyItems(std::string_view text) {
  std::vector<std::size_t> places;
  const YamlErrors errors = CollectYamlErrors();
  const YamlParser parser = MakeYamlParser(text, errors);
  if (!parser) return places;
  bool open = false;  // the token before was a dash
  std::size_t dash = 0;
  while (fy_token* token = fy_scan(parser.get())) {
    const fy_token_type type = fy_token_get_type(token);
    if (open && !BeginsValue(type)) places.push_back(dash + 1);
    const fy_mark* mark = fy_token_start_mark(token);
    open = type == FYTT_BLOCK_ENTRY && mark != nullptr;
    if (open) dash = mark->input_pos;
    fy_scan_token_free(parser.get(), token);
  }
  return places;
}

}  // namespace

FilledYaml::FilledYaml(std::string_view document) : document_(document) {
  if (document.size() > kMostLooked || !HasBareDash(document)) return;
  places_ = EmptyItems(document);
  if (places_.empty()) return;
  filled_.reserve(document.size() + places_.size() * kNull.size());
  std::size_t from = 0;
  for (const std::size_t place : places_) {
    filled_ += document.substr(from, place - from);
    filled_ += kNull;
    from = place;
  }
  filled_ += document.substr(from);
}

std::size_t FilledYaml::Original(std::size_t offset) const {
  // The n-th place is that of n nulls before it.
  std::size_t low = 0;
  std::size_t high = places_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (places_[middle] + middle * kNull.size() < offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return offset;
  const std::size_t behind = places_[low - 1];
  const std::size_t shifted = offset - (low - 1) * kNull.size();
  return shifted < behind + kNull.size() ? behind : shifted - kNull.size();
}

}  // namespace podgate::compiler
