#include "compiler/ir/class_budget.h"

#include <algorithm>
#include <array>
#include <optional>

#include "compiler/ir/port_pieces.h"

namespace podgate::compiler {
namespace {

constexpr std::array<Protocol, 3> kProtocols = {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp};

}  // namespace

bool PodTermCount::Add(const PolicyPeer& peer, const std::string& ns) {
  static const std::string kNone;
  static const LabelSelector kAll;
  if (peer.block || (!peer.pods && !peer.namespaces)) return terms_.size() <= kMaxPodTerms;
  terms_.insert({.ns = peer.namespaces ? &kNone : &ns,
                 .namespaces = peer.namespaces ? &*peer.namespaces : &kAll,
                 .pods = peer.pods ? &*peer.pods : &kAll});
  return terms_.size() <= kMaxPodTerms;
}

bool HasTooManyPieces(const std::vector<AllowEntry>& entries) {
  std::size_t left = kMaxPortPieces;
  for (const Protocol protocol : kProtocols) {
    std::size_t all_ports = 0;  // entries of every port of the protocol
    std::vector<std::vector<PortRange>> ranges;
    for (const AllowEntry& entry : entries) {
      std::vector<PortRange> here;
      bool all = false;
      for (const IrPort& port : entry.ports) {
        all = all || port.kind == IrPort::Kind::kAny ||
              (port.kind == IrPort::Kind::kProtocol && port.protocol == protocol);
        if (port.kind == IrPort::Kind::kRange && port.protocol == protocol)
          here.push_back({port.first, port.last});
      }
      if (all) ++all_ports;
      if (!here.empty()) ranges.push_back(std::move(here));
    }
    const std::optional<std::size_t> pieces = CountPieces(ranges, all_ports, left);
    if (!pieces) return true;
    left -= *pieces;
  }
  return false;
}

}  // namespace podgate::compiler
