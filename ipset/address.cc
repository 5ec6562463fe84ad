#include "ipset/address.h"

namespace podgate::ipset {

int BitsOf(Family family) { return family == Family::kIPv4 ? 32 : 128; }

}  // namespace podgate::ipset
