#include "compiler/codegen/direction.h"

#include <string>

namespace podgate::compiler {

char Digit(Family family) { return family == Family::kIPv4 ? '4' : '6'; }

nft::Field AddressField(Family family) {
  return family == Family::kIPv4 ? nft::Field::kIpv4Addr : nft::Field::kIpv6Addr;
}

std::string_view DirectionPrefix(Direction direction) {
  return direction == Direction::kIngress ? "in-" : "eg-";
}

nft::Side PodSide(Direction direction) {
  return direction == Direction::kIngress ? nft::Side::kDestination : nft::Side::kSource;
}

nft::Side PeerSide(Direction direction) {
  return direction == Direction::kIngress ? nft::Side::kSource : nft::Side::kDestination;
}

nft::Verdict Allowed(Direction direction) {
  return {.kind = direction == Direction::kIngress ? nft::Verdict::Kind::kAccept
                                                   : nft::Verdict::Kind::kReturn,
          .chain = {}};
}

nft::Verdict GotoChain(std::string_view chain) {
  return {nft::Verdict::Kind::kGoto, std::string(chain)};
}

std::string_view DenyChain(Direction direction) {
  return direction == Direction::kIngress ? "ingress-deny" : "egress-deny";
}

nft::Rule DenyRule(Direction direction) { return {.action = GotoChain(DenyChain(direction))}; }

}  // namespace podgate::compiler
