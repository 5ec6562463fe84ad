#include "nft/model/interpret.h"

#include <algorithm>
#include <optional>

namespace podgate::nft {
namespace {

// NFT_JUMP_STACK_SIZE of the kernel: a jump that would be the 17th on the stack is refused at load
// time.
constexpr std::size_t kJumpStackSize = 16;
// Gotos do not use the stack; a loop of them cannot be loaded either. Far above any acyclic
// ruleset's walk.
constexpr int kMostChainsVisited = 10'000;

std::optional<Verdict> VerdictOf(const Element* element) {
  if (element == nullptr || !element->verdict) return std::nullopt;
  return *element->verdict;
}

class Walk {
 public:
  // `outcome` gets the trace; nullptr: nobody wants it.
  Walk(const Ruleset& ruleset, const Packet& packet, const nft::LookUp& look_up,
       Interpretation* outcome)
      : ruleset_(ruleset), packet_(packet), look_up_(look_up), outcome_(outcome) {}

  // From the base chain to a verdict; false: dropped.
  bool Run(const Chain& base);

 private:
  struct Position {
    const Chain* chain = nullptr;
    std::size_t rule = 0;
  };

  // The verdict of the rule at the position; nullopt: evaluation goes on with the next rule.
  std::optional<Verdict> Evaluate(const Chain& chain, std::size_t index);
  bool Holds(const MatchCtState& match) const;
  bool Holds(const MatchFamily& match) const;
  bool Holds(const MatchProtocol& match) const;
  bool Holds(const MatchPort& match) const;
  bool Holds(const MatchPrefix& match) const;
  bool Holds(const MatchAddressSet& match);
  bool Holds(const MatchServiceSet& match);
  bool Holds(const MatchNeighbourDiscovery& match) const;
  bool Holds(const MatchLocalSocket&) const { return packet_.local_socket; }
  // Of frames at a device; packets here are known by their fields alone.
  static bool Holds(const MatchBytes&) { return false; }
  std::optional<Verdict> Act(const Verdict& verdict) { return verdict; }
  std::optional<Verdict> Act(const Reject&) { return Verdict{Verdict::Kind::kDrop, ""}; }
  std::optional<Verdict> Act(const VmapAddress& action);
  std::optional<Verdict> Act(const VmapService& action);
  std::optional<Verdict> Act(const VmapPort& action);

  Family PacketFamily() const { return packet_.source.family(); }
  // The transport header of other protocols has something else where these have the destination
  // port.
  bool HasPorts() const {
    return packet_.protocol == kTcp || packet_.protocol == kUdp || packet_.protocol == kSctp;
  }
  const ipset::Address& AddressAt(Side side) const {
    return side == Side::kSource ? packet_.source : packet_.destination;
  }
  // False: no such chain (which is traced); the packet is dropped.
  bool Enter(const std::string& name, Position* position);
  void Trace(const std::string& text) {
    if (outcome_ != nullptr) outcome_->trace.push_back(text);
  }
  void TraceRule(const Chain& chain, std::size_t index, const std::string& text) {
    if (outcome_ == nullptr) return;
    Trace(chain.name + "#" + std::to_string(index + 1) + (text.empty() ? "" : " " + text));
  }

  const Ruleset& ruleset_;
  const Packet& packet_;
  const nft::LookUp& look_up_;
  Interpretation* const outcome_;
  int visited_ = 0;
};

bool Walk::Holds(const MatchCtState& match) const {
  return (match.established && packet_.state == Packet::State::kEstablished) ||
         (match.related && packet_.state == Packet::State::kRelated);
}

bool Walk::Holds(const MatchFamily& match) const { return PacketFamily() == match.family; }

bool Walk::Holds(const MatchProtocol& match) const { return packet_.protocol == match.protocol; }

bool Walk::Holds(const MatchPort& match) const {
  return HasPorts() && packet_.protocol == match.protocol &&
         match.first <= packet_.destination_port && packet_.destination_port <= match.last;
}

bool Walk::Holds(const MatchPrefix& match) const {
  return PacketFamily() == match.prefix.family() && match.prefix.Contains(AddressAt(match.side));
}

bool Walk::Holds(const MatchAddressSet& match) {
  return PacketFamily() == match.family &&
         look_up_(match.set, AddressKey(AddressAt(match.side))) != nullptr;
}

bool Walk::Holds(const MatchServiceSet& match) {
  return PacketFamily() == match.family && HasPorts() &&
         look_up_(match.set, AddressProtocolServiceKey(packet_.destination, packet_.protocol,
                                                       packet_.destination_port)) != nullptr;
}

bool Walk::Holds(const MatchNeighbourDiscovery&) const {
  return PacketFamily() == Family::kIPv6 && packet_.protocol == kIcmpv6 &&
         packet_.icmp_type >= 133 && packet_.icmp_type <= 137 && packet_.hop_limit == 255;
}

std::optional<Verdict> Walk::Act(const VmapAddress& action) {
  if (PacketFamily() != action.family) return std::nullopt;
  const Element* element = look_up_(action.map, AddressKey(AddressAt(action.side)));
  return VerdictOf(element);
}

std::optional<Verdict> Walk::Act(const VmapService& action) {
  if (!HasPorts()) return std::nullopt;
  const Element* element =
      look_up_(action.map, ProtocolServiceKey(packet_.protocol, packet_.destination_port));
  return VerdictOf(element);
}

std::optional<Verdict> Walk::Act(const VmapPort& action) {
  if (!HasPorts() || packet_.protocol != action.protocol) return std::nullopt;
  const Element* element = look_up_(action.map, ServiceKey(packet_.destination_port));
  return VerdictOf(element);
}

std::optional<Verdict> Walk::Evaluate(const Chain& chain, std::size_t index) {
  const Rule& rule = chain.rules[index];
  if (!rule.foreign.empty()) {
    TraceRule(chain, index, "is not ours and is passed over: " + rule.foreign);
    return std::nullopt;
  }
  for (const Match& match : rule.matches) {
    if (!std::visit([&](const auto& m) { return Holds(m); }, match)) return std::nullopt;
  }
  // Counters and logs never end a rule; a limit is taken as not yet used up.
  std::optional<Verdict> verdict;
  if (rule.action) {
    verdict = std::visit([&](const auto& action) { return Act(action); }, *rule.action);
    if (!verdict)
      return std::nullopt;  // a verdict map that misses ends the rule like any other miss
  }
  TraceRule(chain, index, rule.comment);
  return verdict;
}

bool Walk::Enter(const std::string& name, Position* position) {
  const auto found = ruleset_.chains.find(name);
  if (found == ruleset_.chains.end()) {
    Trace("chain " + name + " is not there: dropped");
    return false;
  }
  if (++visited_ > kMostChainsVisited) {
    Trace("chain " + name + " is part of a loop: dropped");
    return false;
  }
  *position = {&found->second, 0};
  return true;
}

bool Walk::Run(const Chain& base) {
  std::vector<Position> stack;
  Position at{&base, 0};
  for (;;) {
    if (at.rule == at.chain->rules.size()) {  // end of chain: as if `return` stood there
      if (stack.empty()) return true;         // the base chain's policy
      at = stack.back();
      stack.pop_back();
      continue;
    }
    const std::optional<Verdict> verdict = Evaluate(*at.chain, at.rule++);
    if (!verdict) continue;
    switch (verdict->kind) {
      case Verdict::Kind::kAccept:
        return true;
      case Verdict::Kind::kDrop:
        return false;
      case Verdict::Kind::kReturn:
        at.rule = at.chain->rules.size();
        break;
      case Verdict::Kind::kJump:
        if (stack.size() == kJumpStackSize) {
          Trace("more than 16 jumps deep: dropped");
          return false;
        }
        stack.push_back(at);
        if (!Enter(verdict->chain, &at)) return false;
        break;
      case Verdict::Kind::kGoto:
        if (!Enter(verdict->chain, &at)) return false;
        break;
    }
  }
}

std::vector<const Chain*> BasesOf(const Ruleset& ruleset, Hook hook) {
  std::vector<const Chain*> bases;
  for (const auto& [name, chain] : ruleset.chains) {
    if (chain.base && chain.base->hook == hook) bases.push_back(&chain);
  }
  std::stable_sort(bases.begin(), bases.end(), [](const Chain* a, const Chain* b) {
    return a->base->priority < b->base->priority;
  });
  return bases;
}

}  // namespace

const Element* Find(const Set& set, const Key& key) {
  // The last element that starts at or before the key.
  auto it = std::upper_bound(set.elements.begin(), set.elements.end(), key,
                             [](const Key& k, const Element& element) { return k < element.key; });
  if (it == set.elements.begin()) return nullptr;
  --it;
  if (it->key.size() != key.size()) return nullptr;
  const bool hit = set.interval && !it->last.empty() ? key <= it->last : key == it->key;
  return hit ? &*it : nullptr;
}

Interpretation Interpret(const Ruleset& ruleset, Hook hook, const Packet& packet) {
  std::vector<std::string> missing;
  Interpretation outcome = Interpret(
      ruleset, hook, packet, [&](const std::string& name, const Key& key) -> const Element* {
        const auto found = ruleset.sets.find(name);
        if (found != ruleset.sets.end()) return Find(found->second, key);
        missing.push_back("set " + name + " is not there: look-ups miss");
        return nullptr;
      });
  outcome.trace.insert(outcome.trace.end(), missing.begin(), missing.end());
  return outcome;
}

Interpretation Interpret(const Ruleset& ruleset, Hook hook, const Packet& packet,
                         const LookUp& look_up) {
  Interpretation outcome;
  for (const Chain* base : BasesOf(ruleset, hook)) {
    // An accept ends only its own base chain; the next one is still asked. A drop is final.
    outcome.accepted = Walk(ruleset, packet, look_up, &outcome).Run(*base);
    if (!outcome.accepted) break;
  }
  return outcome;
}

Verdicts::Verdicts(const Ruleset& ruleset)
    : ruleset_(ruleset),
      bases_{BasesOf(ruleset, Hook::kForward), BasesOf(ruleset, Hook::kInput),
             BasesOf(ruleset, Hook::kOutput)},
      look_up_([&ruleset](const std::string& name, const Key& key) -> const Element* {
        const auto found = ruleset.sets.find(name);
        return found != ruleset.sets.end() ? Find(found->second, key) : nullptr;
      }) {}

bool Verdicts::Accepts(Hook hook, const Packet& packet) const {
  const auto& bases = bases_.at(static_cast<std::size_t>(hook));
  return std::all_of(bases.begin(), bases.end(), [&](const Chain* base) {
    return Walk(ruleset_, packet, look_up_, nullptr).Run(*base);
  });
}

}  // namespace podgate::nft
