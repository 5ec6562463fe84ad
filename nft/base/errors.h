// From the errno values of the kernel and its sockets to a Status in words. Pure; any thread.
#pragma once

#include <string>

#include "nft/base/status.h"

namespace podgate::nft {

Status::Code CodeOf(int error);
// Why, and what to do: "already exists", "the set is full, its size is too small". Never empty.
std::string Reason(int error);
// "WHAT: REASON."
Status ErrnoStatus(const std::string& what, int error);

}  // namespace podgate::nft
