// The intermediate representation for one node: which local pods are isolated in which direction,
// and by which allow entries, grouped into classes; the pods that each peer term selects.
// Everything in it follows from the present cluster state only. Pure values; sorted and
// deterministic.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/model/model.h"

namespace podgate::compiler {

// Which pods a selector peer means. Pods of a fixed namespace (a peer without namespaceSelector),
// or of the namespaces that a selector matches. A namespace that is not in the cluster has unknown
// labels: no selector matches it, not even an empty one or NotIn, which could allow pods that the
// real labels exclude.
struct PodTerm {
  std::string ns;  // the fixed namespace; empty: `namespaces` decides
  LabelSelector namespaces;
  LabelSelector pods;
  // "pods app=web in namespace default"; injective, serves as key.
  std::string ToString() const;
  friend auto operator<=>(const PodTerm&, const PodTerm&) = default;
};

struct IrPeer {
  enum class Kind : std::uint8_t { kAny, kPods, kBlock };
  Kind kind = Kind::kAny;
  PodTerm term;      // kPods
  AddressSet block;  // kBlock: cidr minus its own excepts, normalised; may be empty
  friend auto operator<=>(const IrPeer&, const IrPeer&) = default;
};

struct IrPort {
  enum class Kind : std::uint8_t {
    kAny,       // every port of every protocol, and every other protocol
    kProtocol,  // every port of `protocol`
    kRange,     // first..last of `protocol`, inclusive
    kNamed,     // egress only: the number that each destination pod gives `name` (ingress names are
                // resolved per class, since a class holds only pods that resolve them alike)
  };
  Kind kind = Kind::kAny;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  std::string name{};
  friend auto operator<=>(const IrPort&, const IrPort&) = default;
};

// One rule of one policy: any of its peers at any of its ports. Kept as a product, since written
// out as pairs a policy of a megabyte would need gigabytes.
struct AllowEntry {
  ObjectKey policy;
  std::uint32_t rule = 0;       // index in spec.ingress / spec.egress
  std::vector<IrPeer> peers{};  // as written, without repetitions; never empty
  std::vector<IrPort> ports{};  // as written, without repetitions; never empty
  friend auto operator<=>(const AllowEntry&, const AllowEntry&) = default;
};

// Local pods that the same policies select in one direction and that resolve those policies' port
// names alike.
struct PolicyClass {
  Direction direction = Direction::kIngress;
  std::vector<ObjectKey> policies{};  // sorted
  std::vector<NamedPort>
      resolved{};  // ingress: the named ports that matter, as these pods have them; sorted
  std::vector<Family> families{};     // of the pods' addresses; sorted: no other packet gets here
  std::vector<AllowEntry> entries{};  // in policy order
  OverBudget over_budget = OverBudget::kNo;  // else there are no entries
  // Of addresses that several pods have and different policies isolate: there are no entries.
  bool contested = false;
};

struct IsolatedPod {
  ObjectKey key;
  std::vector<Address> addresses{};  // those that no other pod of the node has; sorted, not empty
  int ingress_class = -1;            // index into NodeIr::classes; -1: not isolated
  int egress_class = -1;
};

// An address that several local pods have. It is isolated in a direction if any of them is; where
// their classes differ it has one that allows nothing.
struct SharedAddress {
  Address address;
  std::vector<ObjectKey> pods{};  // sorted
  int ingress_class = -1;         // as of IsolatedPod
  int egress_class = -1;
};

struct NodeIr {
  std::string node;
  std::vector<IsolatedPod> pods;      // isolated local pods with at least one address, by key
  std::vector<SharedAddress> shared;  // isolated ones, by address
  std::vector<PolicyClass> classes;   // sorted by (direction, policies, resolved)
  // Addresses that each term of the classes selects, sorted; only terms that the classes use. Of an
  // address that several pods own, a term must select all of them; the same with named ports.
  std::map<PodTerm, std::vector<Address>> members;
  // Egress named ports: for each (term or "any pod" or block) entry the (address, port) pairs are
  // derived by the ruleset compiler from this: all pods' named ports by address, only those that
  // egress entries use.
  std::map<Address, std::vector<NamedPort>> named_ports;
  // Local pods that have no address (yet): left out, named on stderr by dry-run.
  std::vector<ObjectKey> without_address;
};

}  // namespace podgate::compiler
