#include "compiler/load/load_text.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "compiler/decode/decode_finished.h"
#include "compiler/decode/decode_json.h"
#include "compiler/decode/decode_object.h"
#include "compiler/load/policy_kinds.h"
#include "compiler/load/utf16.h"
#include "compiler/load/yaml_source.h"

namespace podgate::compiler {
namespace {

constexpr std::size_t kReleaseStep = 4u << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
// Of one text. More than anybody reads, and hostile input cannot make them fill the memory.
constexpr std::size_t kMaxDiagnostics = 10'000;
// Kinds that are counted by name. Of an input that has more of them not every name is of use.
constexpr std::size_t kMaxKinds = 50;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// A line that begins with "---" or "..." and a space or its end: nothing inside of a document does,
// in no kind of scalar, so texts can be cut there before they are parsed.
bool IsMarker(std::string_view text, std::size_t at, std::string_view marker) {
  if (text.compare(at, marker.size(), marker) != 0) return false;
  const std::size_t behind = at + marker.size();
  return behind >= text.size() || IsSpace(text[behind]);
}

class TextLoader {
 public:
  TextLoader(std::string_view text, const std::string& file, LoadResult* result,
             const std::function<void(std::size_t)>& passed)
      : text_(text), file_(file), result_(*result), passed_(passed), lines_(text) {}

  void Run();

 private:
  std::size_t EndOfDocument(std::size_t begin) const;
  void LoadDocument(std::size_t begin, std::size_t end);
  void ReportDocument(Problem&& problem, std::size_t begin, std::size_t end);
  bool Mentions(std::string_view word, std::size_t begin, std::size_t end) const;
  void CountTemplate(bool policy);
  // False: it is no JSON after all, and nothing has been taken from it.
  bool LoadJson(std::size_t begin, std::size_t first, std::size_t end);
  std::optional<Problem> LoadYaml(std::size_t begin, std::size_t end);
  std::optional<Problem> CheckBytes(std::size_t begin, std::size_t end) const;
  std::size_t NextJsonObject(std::size_t from, std::size_t end) const;
  std::size_t NextLine(std::size_t from, std::size_t end, std::size_t* dropped) const;
  void Take(Finished&& finished);
  void Count(const Finished& finished);
  std::size_t LineOf(std::size_t offset);
  void Report(Problem&& problem, const std::string& object = std::string());
  void Add(Diagnostic&& diagnostic);
  void Passed(std::size_t offset);
  // Lets go of text that has only been looked through, at most as often as is worth it.
  void Drop(std::size_t offset, std::size_t* dropped) const;

  std::string_view text_;
  const std::string& file_;
  LoadResult& result_;
  const std::function<void(std::size_t)>& passed_;
  LineCounter lines_;
  std::size_t released_ = 0;
  std::size_t told_ = 0;  // diagnostics, those left out included
  bool errors_left_out_ = false;
  std::size_t counted_ = 0;  // up to where LineOf() has counted
  std::size_t line_ = 1;     // there
  bool is_template_ = false;
  bool is_policy_template_ = false;
  std::size_t taken_ = 0;         // objects
  std::size_t taken_before_ = 0;  // of those: in earlier documents
};

void TextLoader::Drop(std::size_t offset, std::size_t* dropped) const {
  if (passed_ == nullptr || offset < *dropped + kReleaseStep) return;
  passed_(offset);
  *dropped = offset;
}

void TextLoader::Passed(std::size_t offset) {
  while (passed_ != nullptr && offset >= released_ + kReleaseStep) {
    released_ += kReleaseStep;
    lines_.CountTo(released_);
    passed_(released_);
  }
}

void TextLoader::Add(Diagnostic&& diagnostic) {
  if (++told_ <= kMaxDiagnostics) {
    result_.diagnostics.push_back(std::move(diagnostic));
  } else {
    errors_left_out_ = errors_left_out_ || diagnostic.severity == Diagnostic::Severity::kError;
  }
}

void TextLoader::Report(Problem&& problem, const std::string& object) {
  Add(ToDiagnostic(std::move(problem), object, file_, &lines_));
}

// Where the object stands in the map, and whether it is new. API servers list objects in the order
// of their keys, so that the place of most is behind all others. `value` is moved from, after its
// key has been copied.
template <typename Key, typename Value>
std::pair<const void*, bool> Insert(std::map<Key, Value>* map, Key key, Value* value) {
  const std::size_t before = map->size();
  const auto it = map->insert_or_assign(map->end(), std::move(key), std::move(*value));
  return {&it->second, map->size() > before};
}

void CountKind(const std::string& kind, std::map<std::string, std::size_t>* kinds) {
  if (kinds->size() < kMaxKinds || kinds->contains(kind)) {
    ++(*kinds)[kind];
  } else {
    ++(*kinds)["of other such kinds"];
  }
}

void TextLoader::Count(const Finished& finished) {
  LoadCounts& counts = result_.counts;
  if (finished.standing == Standing::kNoObject) {
    ++counts.no_objects;
    return;
  }
  if (finished.standing == Standing::kRead) {
    if (finished.kind == NameOf(Kind::kPod)) ++counts.pods;
    if (finished.kind == NameOf(Kind::kNamespace)) ++counts.namespaces;
    if (finished.kind == NameOf(Kind::kNetworkPolicy)) ++counts.policies;
    if (finished.kind == "Node") ++counts.nodes;
    return;
  }
  ++counts.other_objects;
  if (std::string kind = UnenforcedPolicyKind(finished.kind, finished.api_version); !kind.empty()) {
    CountKind(kind, &counts.unenforced);
  } else if (std::string meant = MeantKind(finished.kind, finished.api_version); !meant.empty()) {
    CountKind(finished.kind + "; did you mean " + meant + "?", &counts.misspelt);
  }
}

// What has an error that quotes a template's action was never meant to be read as it is.
bool QuotesTemplate(const Finished& finished) {
  return std::any_of(finished.problems.begin(), finished.problems.end(), [](const Problem& p) {
    return p.severity == Diagnostic::Severity::kError && p.message.find("{{") != std::string::npos;
  });
}

void TextLoader::Take(Finished&& finished) {
  if (QuotesTemplate(finished)) {
    CountTemplate(finished.kind == NameOf(Kind::kNetworkPolicy));
    return;
  }
  ++taken_;
  Count(finished);
  for (Diagnostic& diagnostic : ToDiagnostics(finished, file_, &lines_)) Add(std::move(diagnostic));
  if (!finished.object && !finished.node) return;
  Cluster& cluster = result_.cluster;
  std::pair<const void*, bool> at;
  if (finished.node) {
    at = Insert(&cluster.nodes, finished.node->name, &*finished.node);
  } else if (auto* pod = std::get_if<Pod>(&*finished.object)) {
    at = Insert(&cluster.pods, pod->key, pod);
  } else if (auto* ns = std::get_if<Namespace>(&*finished.object)) {
    at = Insert(&cluster.namespaces, ns->name, ns);
  } else if (auto* policy = std::get_if<NetworkPolicy>(&*finished.object)) {
    at = Insert(&cluster.policies, policy->key, policy);
  }
  ObjectPlace& place = result_.places[at.first];
  if (!at.second) {
    std::string message = "given more than once; this one replaces the one before";
    if (place.line != 0) {
      message += " (" + result_.files[place.file] + ":" + std::to_string(place.line) + ")";
    }
    Report({Diagnostic::Severity::kWarning, finished.start, "", std::move(message)}, finished.name);
  }
  place = {result_.files.size() - 1, LineOf(finished.start)};
}

// Objects begin one behind the other, nearly always: their lines are counted once.
std::size_t TextLoader::LineOf(std::size_t offset) {
  if (offset < counted_) return lines_.At(offset).line;
  std::size_t dropped = counted_;
  while (counted_ < offset) {
    const std::size_t next = counted_ + std::min(offset - counted_, kReleaseStep);
    line_ +=
        static_cast<std::size_t>(std::count(text_.data() + counted_, text_.data() + next, '\n'));
    counted_ = next;
    Drop(counted_, &dropped);
  }
  return line_;
}

bool TextLoader::Mentions(std::string_view word, std::size_t begin, std::size_t end) const {
  std::size_t dropped = begin;
  for (std::size_t at = begin; at < end;) {
    // With as much of the next piece as the word may reach into.
    const std::size_t piece = std::min(end - at, kReleaseStep);
    const std::size_t seen = std::min(end - at, piece + word.size() - 1);
    if (text_.substr(at, seen).find(word) != std::string_view::npos) return true;
    at += piece;
    Drop(at, &dropped);
  }
  return false;
}

void TextLoader::CountTemplate(bool policy) {
  if (!std::exchange(is_template_, true)) ++result_.counts.templates;
  if (policy && !std::exchange(is_policy_template_, true)) ++result_.counts.policy_templates;
}

// What becomes of a document that could not be read to its end. It is an error if something that
// decides may be missing: it mentions a policy, or it is a dump that breaks off.
void TextLoader::ReportDocument(Problem&& problem, std::size_t begin, std::size_t end) {
  if (problem.severity == Diagnostic::Severity::kSkipped) {
    ++result_.counts.no_objects;
  } else {
    const bool policy = Mentions(NameOf(Kind::kNetworkPolicy), begin, end);
    if (Mentions("{{", begin, end) || (is_template_ && !policy)) {
      CountTemplate(policy);
      problem.severity = Diagnostic::Severity::kSkipped;
    } else {
      ++result_.counts.unread;
      const bool decides = policy || taken_ != taken_before_;
      problem.severity = decides ? Diagnostic::Severity::kError : Diagnostic::Severity::kUnread;
    }
  }
  Report(std::move(problem));
}

// Behind the end of the line; a line may be longer than what should be at hand at once.
std::size_t TextLoader::NextLine(std::size_t from, std::size_t end, std::size_t* dropped) const {
  while (from < end) {
    const std::size_t piece = std::min(end - from, kReleaseStep);
    const void* found = std::memchr(text_.data() + from, '\n', piece);
    from = found == nullptr
               ? from + piece
               : static_cast<std::size_t>(static_cast<const char*>(found) - text_.data()) + 1;
    Drop(from, dropped);
    if (found != nullptr) break;
  }
  return from;
}

// One document: up to the next "---" line, or behind the next "..." line. What comes before the
// first "---" and is nothing but comments and directives belongs to the document behind it.
std::size_t TextLoader::EndOfDocument(std::size_t begin) const {
  bool content = false;
  std::size_t dropped = begin;
  for (std::size_t line = begin; line < text_.size();) {
    if (IsMarker(text_, line, "---")) {
      if (content) return line;
      content = true;
    }
    const std::size_t next = NextLine(line, text_.size(), &dropped);
    if (IsMarker(text_, line, "...")) return next;
    for (std::size_t i = line; !content && i < next; ++i) {
      if (text_[i] == '#' || (text_[i] == '%' && i == line)) break;
      content = !IsSpace(text_[i]);
    }
    line = next;
  }
  return text_.size();
}

void TextLoader::Run() {
  std::size_t begin = text_.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  while (begin < text_.size()) {
    const std::size_t end = EndOfDocument(begin);
    taken_before_ = taken_;
    LoadDocument(begin, end);
    begin = end;
    Passed(begin);
  }
  if (told_ > kMaxDiagnostics) {
    Diagnostic rest;
    rest.severity =
        errors_left_out_ ? Diagnostic::Severity::kError : Diagnostic::Severity::kWarning;
    rest.file = file_;
    rest.message = "there are " + std::to_string(told_ - kMaxDiagnostics) + " more problems";
    result_.diagnostics.push_back(std::move(rest));
  }
}

void TextLoader::LoadDocument(std::size_t begin, std::size_t end) {
  std::size_t first = begin;
  const auto skip_space = [&] {
    while (first < end && IsSpace(text_[first])) ++first;
  };
  skip_space();
  if (first < end && IsMarker(text_, first, "---")) {
    first += 3;
    skip_space();
  }
  // Of a file that was put behind another one; libfyaml takes it for a part of the first key.
  if (text_.compare(first, kByteOrderMark.size(), kByteOrderMark) == 0) {
    begin = first += kByteOrderMark.size();
    skip_space();
  }
  if (first == end) return;
  // JSON begins with {" or {} or a list; a flow mapping of YAML may look alike, see below.
  if (text_[first] == '{') {
    std::size_t next = first + 1;
    while (next < end && IsSpace(text_[next])) ++next;
    if (next == end || text_[next] == '"' || text_[next] == '}') {
      if (LoadJson(begin, first, end)) return;
    }
  }
  if (auto problem = LoadYaml(begin, end)) ReportDocument(std::move(*problem), begin, end);
}

bool TextLoader::LoadJson(std::size_t begin, std::size_t first, std::size_t end) {
  const std::string_view text = text_.substr(0, end);
  const DecodeLimits limits;
  JsonSource source(text, limits);
  std::size_t taken = 0;
  for (std::size_t at = first; at < end;) {
    ObjectReader reader(TextForm::kManifest, Kind::kUnknown, limits, &source,
                        [&](Finished&& finished) {
                          ++taken;
                          Take(std::move(finished));
                          Passed(source.end());
                        });
    auto problem = source.Parse(at, &reader);
    std::size_t behind = source.end();
    if (!problem && reader.StartOver()) {
      problem = source.Parse(at, &reader);
      behind = source.end();
    }
    if (problem) {
      // Perhaps a flow mapping of YAML. If it is none either, the error of JSON is the better one.
      if (at == first && taken == 0 && !reader.failure() && end - begin <= kMaxYamlDocument) {
        const std::size_t before = result_.diagnostics.size();
        const std::size_t told = told_;
        if (!LoadYaml(begin, end)) return true;
        result_.diagnostics.resize(before);
        told_ = told;
      }
      // Go on at the next object that begins a line; it may be what ended this one.
      const std::size_t from =
          problem->offset == kNoOffset || problem->offset <= at ? at : problem->offset - 1;
      const std::size_t failed = std::exchange(at, NextJsonObject(from, end));
      ReportDocument(std::move(*problem), failed, at);
      continue;
    }
    at = behind;
    while (at < end && IsSpace(text[at])) ++at;
  }
  return true;
}

// Where a line begins with an object; `end` if none does.
std::size_t TextLoader::NextJsonObject(std::size_t from, std::size_t end) const {
  std::size_t dropped = from;
  do {
    from = NextLine(from, end, &dropped);
  } while (from < end && text_[from] != '{');
  return from;
}

// In pieces, so that each can be let go of. None ends inside of a character.
std::optional<Problem> TextLoader::CheckBytes(std::size_t begin, std::size_t end) const {
  std::size_t dropped = begin;
  while (begin < end) {
    std::size_t piece = begin + std::min(end - begin, kReleaseStep);
    while (piece < end && piece > begin &&
           (static_cast<unsigned char>(text_[piece]) & 0xc0) == 0x80) {
      --piece;
    }
    if (piece == begin) piece = end;
    if (auto bad = FindBadByte(text_, begin, piece)) return bad;
    Drop(piece, &dropped);
    begin = piece;
  }
  return std::nullopt;
}

std::optional<Problem> TextLoader::LoadYaml(std::size_t begin, std::size_t end) {
  if (end - begin > kMaxYamlDocument) {
    return Problem{Diagnostic::Severity::kError, begin, "",
                   "the document is larger than " + std::to_string(kMaxYamlDocument >> 20) +
                       " MiB; give large dumps as JSON"};
  }
  if (auto bad = CheckBytes(begin, end)) return bad;
  YamlSource source(text_);
  return source.Parse(begin, end, [this](ValueLocator* locator) {
    return std::make_unique<ObjectReader>(TextForm::kManifest, Kind::kUnknown, DecodeLimits(),
                                          locator, [this](Finished&& finished) {
                                            const std::size_t start = finished.start;
                                            Take(std::move(finished));
                                            Passed(start);
                                          });
  });
}

}  // namespace

void LoadText(std::string_view text, const std::string& file, LoadResult* result,
              const std::function<void(std::size_t)>& passed) {
  ++result->counts.files;
  result->files.push_back(file);
  if (IsUtf16(text)) {
    const std::optional<std::string> converted = FromUtf16(text);
    if (!converted) {
      ++result->counts.unread;
      // Nobody can tell whether it holds a policy, so it may decide: an error.
      Diagnostic diagnostic;
      diagnostic.file = file;
      diagnostic.message = "not valid UTF-16";
      result->diagnostics.push_back(std::move(diagnostic));
      return;
    }
    TextLoader(*converted, file, result, nullptr).Run();
    return;
  }
  TextLoader(text, file, result, passed).Run();
}

}  // namespace podgate::compiler
