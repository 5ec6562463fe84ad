// From bytes to objects of the model: one object, a list, or one watch event, in JSON as an API
// server sends it (nlohmann SAX). YAML documents go through the same handlers (compiler/load).
// Pure; memory is bounded by DecodeLimits plus what the model keeps.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <variant>

#include "compiler/decode/decoded.h"

namespace podgate::compiler {

// One page of a list. Items are handed over one after the other while the text is parsed.
// Returns the list's metadata, or a diagnostic when the text is not a readable list (items handed
// over before stay handed over; the caller must then not treat the list as complete).
std::variant<ListMeta, Diagnostic> DecodeList(std::string_view json, Kind kind,
                                              const std::function<void(Decoded&&)>& item,
                                              const DecodeLimits& limits = {});

// One line of a watch stream.
std::variant<WatchEvent, Diagnostic> DecodeWatchEvent(std::string_view json, Kind kind,
                                                      const DecodeLimits& limits = {});

// A metav1.Status body; nullopt if the text is none.
std::optional<ApiStatus> DecodeStatus(std::string_view json);

}  // namespace podgate::compiler
