// What decoders of several kinds of object need. Internal to nft/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nft/model/ruleset.h"

namespace podgate::nft {

// The text that nft kept in user data under `type` (one of libnftnl's NFTNL_UDATA_…); empty when
// there is none.
std::string UserdataText(const void* data, std::uint32_t bytes, std::uint8_t type);

// True when user data has an entry of the type.
bool UserdataHas(const void* data, std::uint32_t bytes, std::uint8_t type);

// nullopt for a verdict that Podgate does not use (continue, queue).
std::optional<Verdict> DecodeVerdict(std::uint32_t code, const char* chain);

}  // namespace podgate::nft
