#include "compiler/decode/decode.h"

#include <utility>

#include "compiler/decode/decode_finished.h"
#include "compiler/decode/decode_json.h"
#include "compiler/decode/decode_object.h"
#include "compiler/model/syntax.h"

namespace podgate::compiler {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Diagnostic Whole(const Problem& problem) {
  Diagnostic diagnostic;
  diagnostic.field = problem.field;
  diagnostic.message = problem.message;
  if (problem.offset != kNoOffset) {
    diagnostic.message += " (byte " + std::to_string(problem.offset) + ")";
  }
  return diagnostic;
}

Diagnostic Whole(std::string message) {
  Diagnostic diagnostic;
  diagnostic.message = std::move(message);
  return diagnostic;
}

// nullopt: the text is one JSON value, and nothing but space follows it.
std::optional<Problem> ParseWhole(std::string_view json, JsonSource* source, ObjectReader* reader) {
  if (auto problem = source->Parse(0, reader)) return problem;
  for (std::size_t i = source->end(); i < json.size(); ++i) {
    if (!IsSpace(json[i])) {
      return Problem{Diagnostic::Severity::kError, i, "", "there is text behind the JSON value"};
    }
  }
  return std::nullopt;
}

Decoded ToDecoded(Finished&& finished) {
  Decoded decoded;
  decoded.diagnostics = ToDiagnostics(finished, "", nullptr);
  decoded.object = std::move(finished.object);
  return decoded;
}

std::optional<WatchEvent::Type> EventType(std::string_view text) {
  if (text == "ADDED") return WatchEvent::Type::kAdded;
  if (text == "MODIFIED") return WatchEvent::Type::kModified;
  if (text == "DELETED") return WatchEvent::Type::kDeleted;
  if (text == "BOOKMARK") return WatchEvent::Type::kBookmark;
  if (text == "ERROR") return WatchEvent::Type::kError;
  return std::nullopt;
}

}  // namespace

std::variant<ListMeta, Diagnostic> DecodeList(std::string_view json, Kind kind,
                                              const std::function<void(Decoded&&)>& item,
                                              const DecodeLimits& limits) {
  JsonSource source(json, limits);
  ObjectReader reader(TextForm::kList, kind, limits, &source,
                      [&](Finished&& finished) { item(ToDecoded(std::move(finished))); });
  if (const auto problem = ParseWhole(json, &source, &reader)) return Whole(*problem);
  if (!reader.list()) return Whole("must be a list, found no object");
  Draft list = *reader.list();
  const std::string expected = std::string(NameOf(kind)) + "List";
  if (list.kind == "Status") {
    return Whole("must be a list, found a Status: " + list.status.reason + ": " +
                 list.status.message);
  }
  const bool known = kind == Kind::kUnknown
                         ? list.kind.ends_with("List")
                         : list.kind == expected || list.kind == "PartialObjectMetadataList";
  if (!known) {
    return Whole("must be a " + expected + ", found the kind " + Quote(list.kind));
  }
  if (!list.is_list) return Whole("the list has no items");
  if (const auto problems = list.problems.Take(); !problems.empty()) return Whole(problems.front());
  if (reader.StartOver()) {
    if (const auto problem = ParseWhole(json, &source, &reader)) return Whole(*problem);
  }
  return ListMeta{std::move(list.resource_version), std::move(list.continue_token)};
}

std::variant<WatchEvent, Diagnostic> DecodeWatchEvent(std::string_view json, Kind kind,
                                                      const DecodeLimits& limits) {
  JsonSource source(json, limits);
  ObjectReader reader(TextForm::kWatchEvent, kind, limits, &source, [](Finished&&) {});
  if (const auto problem = ParseWhole(json, &source, &reader)) return Whole(*problem);
  const auto type = EventType(reader.event_type());
  if (!type) {
    return Whole(
        "must be a watch event of type ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, found " +
        Quote(reader.event_type()));
  }
  if (!reader.event_object()) return Whole("the watch event has no object");
  Draft& object = *reader.event_object();
  WatchEvent event;
  event.type = *type;
  event.resource_version = object.resource_version;
  switch (*type) {
    case WatchEvent::Type::kError:
      event.status_code = object.status.code;
      event.status_reason = std::move(object.status.reason);
      event.status_message = std::move(object.status.message);
      break;
    case WatchEvent::Type::kBookmark:
      event.initial_events_end = object.initial_events_end;
      break;
    case WatchEvent::Type::kAdded:
    case WatchEvent::Type::kModified:
    case WatchEvent::Type::kDeleted: {
      DraftContext context;
      context.expected = kind;
      event.decoded = ToDecoded(Finish(std::move(object), context));
      break;
    }
  }
  return event;
}

std::optional<ApiStatus> DecodeStatus(std::string_view json) {
  const DecodeLimits limits;
  JsonSource source(json, limits);
  ObjectReader reader(TextForm::kStatus, Kind::kUnknown, limits, &source, [](Finished&&) {});
  if (ParseWhole(json, &source, &reader)) return std::nullopt;
  if (!reader.event_object() || reader.event_object()->kind != "Status") return std::nullopt;
  return std::move(reader.event_object()->status);
}

}  // namespace podgate::compiler
