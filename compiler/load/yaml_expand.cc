#include "compiler/load/yaml_expand.h"

#include <algorithm>
#include <utility>

#include "compiler/model/syntax.h"

namespace podgate::compiler {
namespace {

using Event = YamlEvent::Kind;

bool IsStart(Event kind) { return kind == Event::kMapStart || kind == Event::kSeqStart; }
bool IsEnd(Event kind) { return kind == Event::kMapEnd || kind == Event::kSeqEnd; }

bool IsMergeKey(const YamlEvent& event) {
  return event.kind == Event::kScalar && event.plain && event.text == "<<" &&
         event.tag != YamlTag::kString;
}

// Behind the node that begins at `at`.
std::size_t EndOfNode(const std::vector<YamlEvent>& events, std::size_t at) {
  std::size_t depth = 0;
  do {
    if (IsStart(events[at].kind)) ++depth;
    if (IsEnd(events[at].kind)) --depth;
    ++at;
  } while (depth != 0);
  return at;
}

}  // namespace

bool YamlExpander::Fail(std::size_t offset, std::string message) {
  if (offset == kNoOffset) offset = offset_;  // the end of a collection has no place of its own
  problem_ = Problem{Diagnostic::Severity::kError, offset, "", std::move(message)};
  return false;
}

bool YamlExpander::Spend(const YamlEvent& event, std::size_t offset) {
  expanded_bytes_ += sizeof(YamlEvent) + event.text.size();
  if (expanded_bytes_ <= kMaxExpandedBytes) return true;
  return Fail(offset, "the document's aliases and merge keys expand to more than " +
                          std::to_string(kMaxExpandedBytes >> 20) + " MiB");
}

// Each of these levels is one of the stack.
bool YamlExpander::Enter(std::size_t offset) {
  if (nested_ >= kMaxNested) {
    return Fail(offset, "the document's aliases and merge keys nest deeper than " +
                            std::to_string(kMaxNested) + " levels");
  }
  ++nested_;
  return true;
}

bool YamlExpander::Feed(YamlEvent&& event) {
  if (event.kind == Event::kAlias && !Resolve(&event)) return false;
  if (!Record(&event)) return false;
  return Tell(event);
}

bool YamlExpander::Resolve(YamlEvent* alias) {
  const auto it = anchors_.find(alias->text);
  if (it == anchors_.end()) {
    return Fail(alias->offset, "the alias " + Quote(alias->text) + " has no anchor before it");
  }
  if (!it->second.usable) {
    return Fail(alias->offset, "the alias " + Quote(alias->text) +
                                   " refers to a node that holds it, or that is too large");
  }
  alias->first = it->second.first;
  alias->last = it->second.last;
  return true;
}

// Keeps the events of anchored nodes for their aliases.
bool YamlExpander::Record(YamlEvent* event) {
  const bool anchored = !event->anchor.empty();
  const std::string anchor = std::move(event->anchor);
  event->anchor.clear();
  const std::size_t first = log_.size();
  if (anchored || !open_.empty()) {
    log_bytes_ += sizeof(YamlEvent) + event->text.size();
    if (log_bytes_ > kMaxRecordedBytes) log_full_ = true;
    if (!log_full_) log_.push_back(*event);
  }
  if (IsEnd(event->kind)) {
    --depth_;
    if (!open_.empty() && open_.back().depth == depth_) {
      anchors_[open_.back().name] = {open_.back().first, log_.size(), !log_full_};
      open_.pop_back();
    }
  } else if (IsStart(event->kind)) {
    if (anchored) {
      anchors_[anchor] = {};
      open_.push_back({anchor, first, depth_});
    }
    ++depth_;
  } else if (anchored) {
    anchors_[anchor] = {first, log_.size(), !log_full_};
  }
  return true;
}

void YamlExpander::ValueDone() {
  if (!frames_.empty()) frames_.back().at_key = true;
}

bool YamlExpander::Tell(const YamlEvent& event) {
  if (capturing_) return CaptureMerge(event);
  if (!IsEnd(event.kind) && !frames_.empty() && frames_.back().is_map && frames_.back().at_key) {
    return TellKey(event);
  }
  offset_ = event.offset != kNoOffset ? event.offset : offset_;
  bool go_on = true;
  switch (event.kind) {
    case Event::kAlias:
      return TellAlias(event);
    case Event::kScalar:
      return TellScalar(event);
    case Event::kMapStart:
      go_on = reader_->StartObject();
      frames_.emplace_back().is_map = true;
      break;
    case Event::kSeqStart:
      go_on = reader_->StartArray();
      frames_.emplace_back();
      break;
    case Event::kMapEnd:
      if (!ApplyMerges()) return false;
      frames_.pop_back();
      go_on = reader_->EndObject();
      ValueDone();
      break;
    case Event::kSeqEnd:
      frames_.pop_back();
      go_on = reader_->EndArray();
      ValueDone();
      break;
  }
  if (!go_on) problem_ = reader_->failure();
  return go_on;
}

bool YamlExpander::TellScalar(const YamlEvent& event) {
  const auto scalar = ResolveScalar(event.text, event.plain, event.tag);
  if (!scalar) return Fail(offset_, Quote(event.text) + " is not what its tag says");
  bool go_on = true;
  switch (scalar->type) {
    case YamlScalar::Type::kNull:
      go_on = reader_->Null();
      break;
    case YamlScalar::Type::kBool:
      go_on = reader_->Bool(scalar->boolean);
      break;
    case YamlScalar::Type::kInteger:
      go_on = reader_->Integer(scalar->integer);
      break;
    case YamlScalar::Type::kNumber:
      go_on = reader_->Number(event.text);
      break;
    case YamlScalar::Type::kString: {
      std::string text = event.text;
      go_on = reader_->String(text);
      break;
    }
  }
  ValueDone();
  if (!go_on) problem_ = reader_->failure();
  return go_on;
}

bool YamlExpander::TellKey(const YamlEvent& event) {
  const YamlEvent* key = &event;
  if (event.kind == Event::kAlias && event.last == event.first + 1) {
    key = &log_[event.first];
    if (!Spend(*key, event.offset)) return false;
  }
  if (key->kind != Event::kScalar) {
    return Fail(event.offset, "a key must be a string, found a list or an object");
  }
  offset_ = event.offset != kNoOffset ? event.offset : offset_;
  Frame& frame = frames_.back();
  frame.at_key = false;
  if (IsMergeKey(*key)) {
    if (frame.merge.empty()) frame.keys_before_merge = frame.keys.size();
    capturing_ = true;
    capture_depth_ = 0;
    return true;
  }
  const auto name = ResolveKey(key->text, key->plain, key->tag);
  if (!name) return Fail(offset_, "a key must be a string, found null");
  frame.keys.emplace(*name, frame.keys.size());
  if (reader_->Key(*name)) return true;
  problem_ = reader_->failure();
  return false;
}

bool YamlExpander::TellAlias(const YamlEvent& alias) {
  if (!Enter(alias.offset)) return false;
  for (std::size_t i = alias.first; i < alias.last; ++i) {
    // The log may grow while its events are told, so each is copied.
    const YamlEvent event = log_[i];
    if (!Spend(event, alias.offset)) return false;
    if (!Tell(event)) return false;
  }
  --nested_;
  return true;
}

// The value of a merge key is kept until the mapping's own keys are all known: those win.
bool YamlExpander::CaptureMerge(const YamlEvent& event) {
  if (!Spend(event, event.offset)) return false;
  frames_.back().merge.push_back(event);
  if (IsStart(event.kind)) ++capture_depth_;
  if (IsEnd(event.kind)) --capture_depth_;
  if (capture_depth_ == 0) {
    capturing_ = false;
    frames_.back().at_key = true;
  }
  return true;
}

bool YamlExpander::Flatten(const YamlEvent& event, std::vector<YamlEvent>* out) {
  if (event.kind != Event::kAlias) {
    if (!Spend(event, event.offset)) return false;
    out->push_back(event);
    return true;
  }
  if (!Enter(event.offset)) return false;
  for (std::size_t i = event.first; i < event.last; ++i) {
    if (!Flatten(log_[i], out)) return false;
  }
  --nested_;
  return true;
}

bool YamlExpander::ApplyMerges() {
  if (frames_.back().merge.empty()) return true;
  std::vector<YamlEvent> events;
  for (const YamlEvent& event : std::exchange(frames_.back().merge, {})) {
    if (!Flatten(event, &events)) return false;
  }
  std::size_t at = 0;
  while (at < events.size()) {
    if (!MergeNode(events, &at, false)) return false;
  }
  return true;
}

// A mapping, or a list of mappings, of which the first to have a key wins.
bool YamlExpander::MergeNode(const std::vector<YamlEvent>& events, std::size_t* at, bool in_list) {
  const YamlEvent& node = events[*at];
  const std::size_t end = EndOfNode(events, *at);
  if (node.kind == Event::kMapStart) {
    if (!Enter(node.offset) || !MergeMap(events, *at + 1, end - 1)) return false;
    --nested_;
  } else if (node.kind == Event::kSeqStart && !in_list) {
    for (std::size_t item = *at + 1; item < end - 1;) {
      if (!MergeNode(events, &item, true)) return false;
    }
  } else {
    return Fail(node.offset, "the merge key << needs a mapping or a list of mappings");
  }
  *at = end;
  return true;
}

bool YamlExpander::MergeMap(const std::vector<YamlEvent>& events, std::size_t first,
                            std::size_t last) {
  std::vector<std::size_t> nested;  // merge values inside: the mapping's own keys win over them
  for (std::size_t at = first; at < last;) {
    const YamlEvent& key = events[at];
    const std::size_t value = EndOfNode(events, at);
    const std::size_t end = EndOfNode(events, value);
    if (IsMergeKey(key)) {
      nested.push_back(value);
      at = end;
      continue;
    }
    if (key.kind != Event::kScalar) {
      return Fail(key.offset, "a key must be a string, found a list or an object");
    }
    const auto name = ResolveKey(key.text, key.plain, key.tag);
    if (!name) return Fail(key.offset, "a key must be a string, found null");
    const auto& keys = frames_.back().keys;
    const auto given = keys.find(*name);
    if (given != keys.end()) {
      // Readers of YAML differ on which one wins then, and kubectl takes the merged one.
      if (given->second < frames_.back().keys_before_merge) {
        return Fail(key.offset,
                    "the key " + Quote(*name) +
                        " is given before the merge key << that gives it too; write << first");
      }
    } else {
      for (std::size_t i = at; i < end; ++i) {
        if (!Tell(events[i])) return false;
      }
    }
    at = end;
  }
  for (std::size_t value : nested) {
    if (!MergeNode(events, &value, false)) return false;
  }
  return true;
}

}  // namespace podgate::compiler
