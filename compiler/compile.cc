// The frame of the table, the same on every node: base chains, dispatch by address, deny.
//
//   forward ─jump→ egress ─map→ eg-ADDRESS ─goto→ eg-class-… ─return→ forward ─goto→ ingress ─map→
//   in-ADDRESS …
//
// Egress is entered with one jump and left with return when it allows: the map's elements say goto,
// so return leads back to the base chain. A miss of the map goes on inside the egress chain
// instead, where the guard set stands. Had allowed egress gone on to ingress by goto, kernels that
// check a table path by path (5.10, 6.1) would do pods × pods work at each commit.
#include "compiler/compile.h"

#include <algorithm>

#include "compiler/class_chain.h"
#include "compiler/names.h"
#include "compiler/set_pool.h"

namespace podgate::compiler {
namespace {

constexpr std::string_view kForwardChain = "forward";
constexpr std::string_view kHostChain = "host";
constexpr std::string_view kEgressChain = "egress";
constexpr int kPriority = -5;               // right before the ordinary filter
constexpr std::uint32_t kLocalPods = 2048;  // more than any kubelet takes
constexpr std::uint32_t kLogsPerSecond = 10;
constexpr std::uint32_t kLogBurst = 5;
constexpr std::uint32_t kLogBytes = 128;

constexpr Family kFamilies[] = {Family::kIPv4, Family::kIPv6};
constexpr Direction kDirections[] = {Direction::kEgress, Direction::kIngress};

char Digit(Family family) { return family == Family::kIPv4 ? '4' : '6'; }

nft::Verdict Goto(std::string_view chain) {
  return {nft::Verdict::Kind::kGoto, std::string(chain)};
}

// The side of a packet that the judged pod is on.
nft::Side SubjectSide(Direction direction) {
  return direction == Direction::kIngress ? nft::Side::kDestination : nft::Side::kSource;
}

std::string_view DenyChain(Direction direction) {
  return direction == Direction::kIngress ? kIngressDenyChain : kEgressDenyChain;
}

// "in-10.244.1.5", "eg6-fd00--5".
std::string AddressChainName(Direction direction, const Address& address) {
  std::string text = address.ToString();
  std::replace(text.begin(), text.end(), ':', '-');
  const bool v4 = address.family() == Family::kIPv4;
  return std::string(direction == Direction::kIngress ? "in" : "eg") + (v4 ? "-" : "6-") + text;
}

class TableCompiler {
 public:
  TableCompiler(const NodeIr& ir, const CompileOptions& options)
      : ir_(ir), options_(options), sets_(ir, &out_) {}

  nft::Ruleset Compile() {
    out_.comment = "NetworkPolicy of this node, kept up to date by Podgate";
    for (const PolicyClass& c : ir_.classes) class_chains_.push_back(CompileClass(c, &sets_));
    for (const Direction direction : kDirections) {
      AddDispatch(direction);
      AddDeny(direction);
    }
    AddBase(kForwardChain, nft::Hook::kForward).push_back({.action = Goto(kIngressChain)});
    if (options_.pod_to_node_enforce) AddBase(kHostChain, nft::Hook::kInput);
    return std::move(out_);
  }

 private:
  std::vector<nft::Rule>& AddChain(std::string_view name) {
    nft::Chain& chain = out_.chains[std::string(name)];
    chain.name = name;
    return chain.rules;
  }

  std::vector<nft::Rule>& AddBase(std::string_view name, nft::Hook hook) {
    std::vector<nft::Rule>& rules = AddChain(name);
    out_.chains.at(std::string(name)).base = nft::BaseHook{.hook = hook, .priority = kPriority};
    rules.push_back({.matches = {nft::MatchCtState{}},
                     .action = nft::Verdict{},
                     .comment = "what belongs to a flow already allowed"});
    rules.push_back({.matches = {nft::MatchNeighbourDiscovery{}},
                     .action = nft::Verdict{},
                     .comment = "IPv6 needs it"});
    rules.push_back({.action = nft::Verdict{nft::Verdict::Kind::kJump, std::string(kEgressChain)}});
    return rules;
  }

  // The direction's chain: by address to the chain of an isolated local pod. The guard sets hold
  // the same addresses as the maps: should a look-up in the map miss while the map changes, nothing
  // gets through.
  void AddDispatch(Direction direction) {
    const std::string name = ToString(direction);
    const nft::Side side = SubjectSide(direction);
    std::vector<nft::Rule> maps;
    std::vector<nft::Rule> guards;
    for (const Family family : kFamilies) {
      nft::Set map{.key = {AddressField(family)}, .verdict_map = true};
      nft::Set guard{.key = {AddressField(family)}, .guard = true};
      AddPods(direction, family, &map.elements);
      for (const nft::Element& element : map.elements)
        guard.elements.push_back({.key = element.key, .last = {}, .verdict = {}});
      map.size = guard.size =
          map.elements.size() <= kLocalPods ? 2 * kLocalPods : SizeFor(map.elements.size());
      const std::string suffix = map.size == 2 * kLocalPods ? std::string() : SizeSuffix(map.size);
      map.name = name + Digit(family) + suffix;
      guard.name = name + Digit(family) + "-isolated" + suffix;
      maps.push_back({.action = nft::VmapAddress{side, family, map.name}});
      guards.push_back({.matches = {nft::MatchAddressSet{side, family, guard.name}},
                        .action = Goto(DenyChain(direction)),
                        .comment = "isolated pods, should the map miss them"});
      out_.sets.emplace(map.name, std::move(map));
      out_.sets.emplace(guard.name, std::move(guard));
    }
    std::vector<nft::Rule>& rules = AddChain(name);
    rules = std::move(maps);
    rules.insert(rules.end(), guards.begin(), guards.end());
  }

  void AddPods(Direction direction, Family family, std::vector<nft::Element>* elements) {
    for (const LocalPod& pod : ir_.pods) {
      const int number = direction == Direction::kIngress ? pod.ingress_class : pod.egress_class;
      if (number < 0) continue;
      for (const Address& address : pod.addresses) {
        if (address.family() != family) continue;
        const std::string chain = AddressChainName(direction, address);
        AddAddressChain(direction, chain, pod, address, class_chains_.at(number));
        elements->push_back({.key = nft::AddressKey(address), .last = {}, .verdict = Goto(chain)});
      }
    }
    std::sort(elements->begin(), elements->end());
  }

  // A pod always reaches itself, also through a Service that leads back to it.
  void AddAddressChain(Direction direction, const std::string& name, const LocalPod& pod,
                       const Address& address, const std::string& class_chain) {
    const ipset::Prefix self(address, ipset::BitsOf(address.family()));
    std::vector<nft::Rule>& rules = AddChain(name);
    rules.push_back({.matches = {nft::MatchPrefix{PeerSide(direction), self}},
                     .action = nft::Verdict{},
                     .comment = Comment(pod.key.ToString(), " itself")});
    rules.push_back({.action = Goto(class_chain), .comment = Comment(pod.key.ToString())});
  }

  void AddDeny(Direction direction) {
    const std::string name = ToString(direction);
    const std::string counter = "denied-" + name;
    out_.counters.insert(counter);
    std::vector<nft::Rule>& rules = AddChain(DenyChain(direction));
    rules.push_back(
        {.statements = {nft::LimitRate{kLogsPerSecond, kLogBurst},
                        nft::LogGroup{options_.log_group, "podgate-" + name + " ", kLogBytes}},
         .action = std::nullopt});
    nft::Rule deny{.statements = {nft::CountBy{counter}}};
    if (options_.reject) {
      deny.action = nft::Reject{};
    } else {
      deny.action = nft::Verdict{nft::Verdict::Kind::kDrop, {}};
    }
    rules.push_back(std::move(deny));
  }

  const NodeIr& ir_;
  const CompileOptions& options_;
  nft::Ruleset out_;
  SetPool sets_;
  std::vector<std::string> class_chains_;
};

}  // namespace

nft::Ruleset Compile(const NodeIr& ir, const CompileOptions& options) {
  return TableCompiler(ir, options).Compile();
}

}  // namespace podgate::compiler
