// The cluster as Podgate sees it: only the fields of Pods, Namespaces and NetworkPolicies that
// decide about packets. Follows core/v1 and networking.k8s.io/v1. Values only; sorted, so that
// equal states are equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/model/diagnostic.h"
#include "ipset/address.h"
#include "ipset/address_set.h"

namespace podgate::compiler {

using ipset::Address;
using ipset::AddressSet;
using ipset::Family;

// Sorted by key, keys unique.
using Labels = std::vector<std::pair<std::string, std::string>>;
// nullptr when the key is absent.
const std::string* FindLabel(const Labels& labels, const std::string& key);

enum class Protocol : std::uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 };  // values: IANA numbers
const char* ToString(Protocol protocol);                                  // "TCP", "UDP", "SCTP"

enum class Direction : std::uint8_t { kIngress, kEgress };  // as policyTypes of a NetworkPolicy
const char* ToString(Direction direction);                  // "ingress", "egress"

struct ObjectKey {  // namespace and name; cluster-scoped objects have an empty namespace
  std::string ns;
  std::string name;
  std::string ToString() const { return ns.empty() ? name : ns + "/" + name; }
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

struct NamedPort {  // of a container or of a restartable init container
  std::string name;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;
  friend auto operator<=>(const NamedPort&, const NamedPort&) = default;
};

struct Pod {
  ObjectKey key;
  std::string uid;
  Labels labels;
  std::string node;  // spec.nodeName; empty: not scheduled
  bool host_network = false;
  bool finished = false;                // status.phase Succeeded or Failed
  bool still_running = false;           // finished, but status tells of a container that runs
  std::string created;                  // metadata.creationTimestamp, RFC 3339, sorts as text
  std::vector<Address> addresses;       // status.podIPs, else podIP; sorted, unique
  std::vector<Address> host_addresses;  // status.hostIPs, else hostIP; sorted, unique
  std::vector<NamedPort> ports;         // those that have a name; sorted, unique
  friend auto operator<=>(const Pod&, const Pod&) = default;
};

// Whether a pod is a pod of the pod network for rules that `node` enforces: hostNetwork pods are
// never selected and never peers. Finished pods are not there at all, except that a pod whose
// containers still run (an eviction, a deadline: the phase says Failed first) is there on its own
// node.
inline bool IsThere(const Pod& pod, const std::string& node) {
  return !pod.host_network && (!pod.finished || (pod.still_running && pod.node == node));
}

struct Namespace {
  std::string name;
  Labels labels;
  std::string uid{};         // another one: it was deleted and made anew
  bool terminating = false;  // metadata.deletionTimestamp is set: nothing new can be made in it
  friend auto operator<=>(const Namespace&, const Namespace&) = default;
};

struct Node {
  std::string name;
  std::vector<Address> addresses;  // status.addresses: InternalIP, ExternalIP; sorted, unique
  friend auto operator<=>(const Node&, const Node&) = default;
};

// metav1.LabelSelector in one form: matchLabels are In requirements with one value. All
// requirements are ANDed; none selects everything.
struct Requirement {
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };
  std::string key;
  Operator op = Operator::kIn;
  std::vector<std::string> values;  // sorted, unique; empty for kExists and kDoesNotExist
  friend auto operator<=>(const Requirement&, const Requirement&) = default;
};
struct LabelSelector {
  std::vector<Requirement> requirements;  // canonical: sorted, unique
  friend auto operator<=>(const LabelSelector&, const LabelSelector&) = default;
};

struct IpBlock {
  ipset::Prefix cidr;
  std::vector<ipset::Prefix> except;  // as given; narrows only this block
  friend auto operator<=>(const IpBlock&, const IpBlock&) = default;
};

// Exactly one of: block; or at least one of the selectors. An absent selector is not an empty one:
// pods only: pods of the policy's namespace; namespaces only: all pods of those; both: the pods in
// those.
struct PolicyPeer {
  std::optional<LabelSelector> pods;
  std::optional<LabelSelector> namespaces;
  std::optional<IpBlock> block;
  friend auto operator<=>(const PolicyPeer&, const PolicyPeer&) = default;
};

// None of number and name: every port of the protocol.
struct PolicyPort {
  Protocol protocol = Protocol::kTcp;
  std::optional<std::uint16_t> number;
  std::optional<std::uint16_t> end;  // endPort, inclusive; only with number
  std::string name;                  // named port; empty: none
  friend auto operator<=>(const PolicyPort&, const PolicyPort&) = default;
};

struct PolicyRule {
  std::vector<PolicyPeer> peers;  // from / to
  std::vector<PolicyPort> ports;
  // from/to (ports) absent or empty: every peer (every port of every protocol). Kept apart from
  // empty vectors, which a broken rule may be left with: those allow nothing.
  bool any_peer = false;
  bool any_port = false;
  // Position in spec.ingress / spec.egress, so that names stay true when an unreadable rule is left
  // out.
  std::uint32_t index = 0;
  friend auto operator<=>(const PolicyRule&, const PolicyRule&) = default;
};

struct NetworkPolicy {
  ObjectKey key;
  std::string uid;
  LabelSelector pods;  // spec.podSelector
  bool isolates_ingress = true;
  bool isolates_egress = false;
  std::vector<PolicyRule> ingress;
  std::vector<PolicyRule> egress;
  // Why the policy is broken: its unreadable parts allow nothing. Empty for a valid policy.
  std::vector<Diagnostic> errors;
};

// A rule of a policy as every text spells it: "shop/api ingress[0]". `index` counts from 0 in
// spec.ingress / spec.egress.
std::string RuleName(const ObjectKey& policy, Direction direction, std::uint32_t index);

// What the policies that isolate one pod in one direction may have together: with more of either
// they allow nothing there. A guard against policies made to exhaust memory and time.
//
// Different pod selectors (with their namespaces): each is tried on every identity of the cluster.
inline constexpr std::size_t kMaxPodTerms = 2000;
// Port pieces times rules: the port ranges of a protocol are cut wherever one of them begins or
// ends, and each piece counts once for each rule that covers it, rules of every port included.
inline constexpr std::size_t kMaxPortPieces = 65'536;

enum class OverBudget : std::uint8_t {
  kNo,
  kPodSelectors,
  kPortPieces,
  kNamespace,  // of this node's sets, for the pods of one namespace: in the agent only
};
// "more than 2000 different pod selectors". Of kNo: empty.
std::string Describe(OverBudget over);

struct Cluster {
  std::map<std::string, Namespace> namespaces;
  std::map<ObjectKey, Pod> pods;
  std::map<ObjectKey, NetworkPolicy> policies;
  std::map<std::string, Node> nodes;  // of manifests only; pods may name others
};

// The nodes that the cluster knows of: Node objects, and those that pods name in spec.nodeName.
// Sorted.
std::vector<std::string> NodeNames(const Cluster& cluster);

}  // namespace podgate::compiler
