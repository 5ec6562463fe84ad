#include "compiler/decode/decode_json.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

namespace podgate::compiler {
namespace {

// An input iterator whose position can be seen from outside while the parser owns it.
struct Characters {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  JsonSource::Cursor* cursor = nullptr;  // nullptr: the end

  reference operator*() const { return cursor->text[cursor->position]; }
  Characters& operator++() {
    ++cursor->position;
    return *this;
  }
  friend bool operator==(const Characters& a, const Characters& b) {
    const JsonSource::Cursor* cursor = a.cursor != nullptr ? a.cursor : b.cursor;
    return cursor == nullptr || cursor->position >= cursor->limit;
  }
  friend bool operator!=(const Characters& a, const Characters& b) { return !(a == b); }
};

bool IsNumberCharacter(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// The parser's own words, without its prefix, its position (ours is better) and the token, which
// may be long.
std::string Reason(std::string what) {
  const std::size_t cut = what.find("; last read");
  if (cut != std::string::npos) {
    const std::size_t expected = what.find("; expected", cut);
    what = what.substr(0, cut) +
           (expected == std::string::npos ? std::string() : what.substr(expected));
  }
  const std::size_t dash = what.find(" - ");
  if (dash != std::string::npos) return what.substr(dash + 3);
  const std::size_t bracket = what.find("] ");
  return bracket == std::string::npos ? what : what.substr(bracket + 2);
}

}  // namespace

class JsonSource::Handler {
 public:
  Handler(JsonSource* source, ObjectReader* reader) : source_(*source), reader_(*reader) {
    MoveLimit();
  }

  bool null() {
    source_.token_ = Token::kTrueOrNull;
    return Told(reader_.Null());
  }
  bool boolean(bool value) {
    source_.token_ = value ? Token::kTrueOrNull : Token::kFalse;
    return Told(reader_.Bool(value));
  }
  bool number_integer(std::int64_t value) {
    source_.token_ = Token::kNumber;
    return Told(reader_.Integer(value));
  }
  bool number_unsigned(std::uint64_t value) {
    source_.token_ = Token::kNumber;
    if (value > static_cast<std::uint64_t>(INT64_MAX)) {
      return Told(reader_.Number(std::to_string(value)));
    }
    return Told(reader_.Integer(static_cast<std::int64_t>(value)));
  }
  bool number_float(double, const std::string& digits) {
    source_.token_ = Token::kNumber;
    return Told(reader_.Number(digits));
  }
  bool string(std::string& value) {
    source_.token_ = Token::kString;
    return Told(reader_.String(value));
  }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(std::size_t) {
    source_.token_ = Token::kOther;
    return Told(reader_.StartObject());
  }
  bool key(std::string& value) {
    source_.token_ = Token::kString;
    return reader_.Key(value);
  }
  bool end_object() { return Told(reader_.EndObject()); }
  bool start_array(std::size_t) {
    source_.token_ = Token::kOther;
    return Told(reader_.StartArray());
  }
  bool end_array() { return Told(reader_.EndArray()); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    const Cursor& cursor = source_.cursor_;
    Problem problem;
    problem.offset = cursor.position == 0 ? 0 : cursor.position - 1;
    if (cursor.position >= source_.text_.size()) {
      problem.offset = source_.text_.size();
      problem.message = "not valid JSON: the text ends in the middle of a value";
    } else if (cursor.position >= cursor.limit) {
      problem.message = "one object or value is larger than " +
                        std::to_string(source_.limits_.object_bytes) + " bytes";
    } else if (source_.text_[problem.offset] == '\0') {
      problem.message = "not valid JSON: there is a NUL byte";
    } else {
      problem.message = "not valid JSON: " + Reason(error.what());
    }
    problem_ = std::move(problem);
    return false;
  }

  const std::optional<Problem>& problem() const { return problem_; }

 private:
  // An object may have so many bytes from its start; what stands between objects, each value.
  void MoveLimit() {
    const std::size_t from = reader_.object_start().value_or(source_.cursor_.position);
    const std::size_t room = source_.text_.size() - std::min(from, source_.text_.size());
    source_.cursor_.limit = from + std::min(room, source_.limits_.object_bytes);
  }
  bool Told(bool go_on) {
    MoveLimit();
    return go_on;
  }

  JsonSource& source_;
  ObjectReader& reader_;
  std::optional<Problem> problem_;
};

std::optional<Problem> JsonSource::Parse(std::size_t begin, ObjectReader* reader) {
  cursor_ = {text_.data(), begin, text_.size()};
  token_ = Token::kOther;
  Handler handler(this, reader);
  const bool done =
      nlohmann::json::sax_parse(Characters{&cursor_}, Characters{}, &handler,
                                nlohmann::json::input_format_t::json, /*strict=*/false);
  if (done) return std::nullopt;
  if (handler.problem()) return handler.problem();
  if (reader->failure()) return reader->failure();
  return Problem{Diagnostic::Severity::kError, cursor_.position, "", "not valid JSON"};
}

// The lexer stands behind the token's last character; behind a number, one further, as it had to
// see its end.
std::size_t JsonSource::Offset() {
  std::size_t at = cursor_.position;
  switch (token_) {
    case Token::kOther:
      return at - 1;
    case Token::kTrueOrNull:
      return at - 4;
    case Token::kFalse:
      return at - 5;
    case Token::kNumber:
      if (at > 0 && !IsNumberCharacter(text_[at - 1])) --at;
      while (at > 0 && IsNumberCharacter(text_[at - 1])) --at;
      return at;
    case Token::kString:
      break;
  }
  for (at -= 2; text_[at] != '"' || (at > 0 && text_[at - 1] == '\\'); --at) {
    // A quote behind an odd number of backslashes belongs to the string.
    if (text_[at] != '"') continue;
    std::size_t backslashes = 0;
    while (backslashes < at && text_[at - 1 - backslashes] == '\\') ++backslashes;
    if (backslashes % 2 == 0) break;
  }
  return at;
}

}  // namespace podgate::compiler
