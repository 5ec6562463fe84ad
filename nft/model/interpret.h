// Walks a packet through a ruleset as the kernel would, look-up by look-up: for tests that compare
// verdicts with the reference evaluator, and for explaining what a ruleset does. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ipset/address.h"
#include "nft/model/ruleset.h"

namespace podgate::nft {

struct Packet {
  ipset::Address source;
  ipset::Address destination;  // same family
  std::uint8_t protocol = kTcp;
  std::uint16_t destination_port = 0;  // tcp, udp, sctp only
  std::uint8_t icmp_type = 0;          // icmp, icmpv6 only
  std::uint8_t hop_limit = 64;
  bool local_socket = false;  // a process of the node sent it
  enum class State : std::uint8_t { kNew, kEstablished, kRelated, kInvalid } state = State::kNew;
};

struct Interpretation {
  bool accepted = true;
  // "chain#rule" of each rule that matched, in order, and its comment if any; for messages.
  std::vector<std::string> trace;
};

// All base chains of the hook, by priority. A reference to a chain that does not exist is a drop,
// with a trace line that says so (such a ruleset cannot be loaded into a kernel).
Interpretation Interpret(const Ruleset& ruleset, Hook hook, const Packet& packet);

// The element of a set that holds the key; nullptr: none does.
const Element* Find(const Set& set, const Key& key);

// The same walk with each look-up answered by `look_up` (set, key; nullptr: a miss), in the order
// in which the packet makes them: for asking what a packet can meet while sets change under it.
using LookUp = std::function<const Element*(const std::string& set, const Key& key)>;
Interpretation Interpret(const Ruleset& ruleset, Hook hook, const Packet& packet,
                         const LookUp& look_up);

// Many questions to one ruleset, for the verdict alone, without traces. The ruleset outlives this
// and does not change meanwhile.
class Verdicts {
 public:
  explicit Verdicts(const Ruleset& ruleset);
  bool Accepts(Hook hook, const Packet& packet) const;

 private:
  const Ruleset& ruleset_;
  std::array<std::vector<const Chain*>, kHooks.size()>
      bases_;  // by hook, in the order of their priorities
  LookUp look_up_;
};

}  // namespace podgate::nft
