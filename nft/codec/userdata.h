// The user data that nft keeps with its objects: comments, types. Internal to nft/. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <string>

namespace podgate::nft {

// The text under `type` (one of libnftnl's NFTNL_UDATA_…); empty when there is none.
std::string UserdataText(const void* data, std::uint32_t bytes, std::uint8_t type);

// Whether there is an entry of the type.
bool UserdataHas(const void* data, std::uint32_t bytes, std::uint8_t type);

}  // namespace podgate::nft
