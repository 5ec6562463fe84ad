// Which pod is at the other end of a link of this node, and from what its packets may come. Values
// only.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/model/model.h"

namespace podgate::compiler {

using MacAddress = std::array<std::uint8_t, 6>;

struct LinkOwner {
  int index = 0;       // of the link in the node's network namespace; never used for another one
  std::string device;  // its name there
  ObjectKey pod;
  std::string uid;
  MacAddress mac{};  // of the pod's end
  // The pod's, and the link-local ones (fe80::) of its end; sorted, unique. None: nothing may come
  // from there.
  std::vector<Address> addresses{};
  friend auto operator<=>(const LinkOwner&, const LinkOwner&) = default;
};

}  // namespace podgate::compiler
