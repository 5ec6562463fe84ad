// Aliases and merge keys of one YAML document, expanded event by event within a budget; what is
// left are the values that JSON would have, and a ValueReader is told them. libfyaml never resolves
// a document for us: a few hundred bytes of aliases can mean billions of nodes. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/decode/value_reader.h"
#include "compiler/load/yaml_scalar.h"

namespace podgate::compiler {

struct YamlEvent {
  enum class Kind : std::uint8_t { kScalar, kMapStart, kMapEnd, kSeqStart, kSeqEnd, kAlias };
  Kind kind = Kind::kScalar;
  bool plain = false;  // of a scalar: neither quoted nor a block
  YamlTag tag = YamlTag::kNone;
  std::size_t offset = kNoOffset;
  std::string text;    // of a scalar; the name that an alias refers to
  std::string anchor;  // the name that the node is given; empty: none
  // kAlias, once it is known what it refers to: a range of recorded events.
  std::size_t first = 0;
  std::size_t last = 0;
};

class YamlExpander : public ValueLocator {
 public:
  // Of the nodes that come from aliases and merges: what they would take as events. Some hundred
  // thousand of them, as many as go-yaml, which kubectl reads with, allows a document.
  static constexpr std::size_t kMaxExpandedBytes = 64u << 20;
  static constexpr std::size_t kMaxRecordedBytes = 64u << 20;  // of events inside anchored nodes
  // Aliases inside of what aliases stand for, and merges inside of merged mappings.
  static constexpr std::size_t kMaxNested = 500;

  explicit YamlExpander(ValueReader** reader) : reader_(*reader) {}

  // False: stop, see problem().
  bool Feed(YamlEvent&& event);
  const std::optional<Problem>& problem() const { return problem_; }
  std::size_t Offset() override { return offset_; }

 private:
  struct Anchor {
    std::size_t first = 0;
    std::size_t last = 0;
    bool usable = false;  // false: still open, or too large to be kept
  };
  struct OpenAnchor {
    std::string name;
    std::size_t first = 0;
    std::size_t depth = 0;
  };
  struct Frame {
    bool is_map = false;
    bool at_key = true;
    std::unordered_map<std::string, std::size_t>
        keys;                      // given so far, merged ones too; their order
    std::vector<YamlEvent> merge;  // values of its merge keys, one behind the other
    std::size_t keys_before_merge = 0;
  };

  bool Record(YamlEvent* event);
  bool Resolve(YamlEvent* alias);
  bool Tell(const YamlEvent& event);
  bool TellScalar(const YamlEvent& event);
  bool TellKey(const YamlEvent& event);
  bool TellAlias(const YamlEvent& alias);
  bool CaptureMerge(const YamlEvent& event);
  bool ApplyMerges();
  bool Flatten(const YamlEvent& event, std::vector<YamlEvent>* out);
  bool MergeNode(const std::vector<YamlEvent>& events, std::size_t* at, bool in_list);
  bool MergeMap(const std::vector<YamlEvent>& events, std::size_t first, std::size_t last);
  bool Spend(const YamlEvent& event, std::size_t offset);
  bool Enter(std::size_t offset);
  bool Fail(std::size_t offset, std::string message);
  void ValueDone();

  ValueReader*& reader_;
  std::optional<Problem> problem_;
  std::size_t offset_ = 0;
  std::vector<Frame> frames_;
  std::size_t capture_depth_ = 0;  // open collections of the merge value that is being captured
  bool capturing_ = false;
  std::size_t expanded_bytes_ = 0;
  std::size_t nested_ = 0;
  // Anchors.
  std::size_t depth_ = 0;  // of the document itself
  std::vector<YamlEvent> log_;
  std::size_t log_bytes_ = 0;
  bool log_full_ = false;
  std::vector<OpenAnchor> open_;
  std::map<std::string, Anchor> anchors_;
};

}  // namespace podgate::compiler
