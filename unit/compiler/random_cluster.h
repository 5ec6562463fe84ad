// Small random clusters that meet every form of the API often: few names, few labels, few
// addresses, so that selectors hit, blocks overlap and ports coincide.
#pragma once

#include <optional>
#include <random>

#include "compiler/evaluate.h"
#include "compiler/model.h"

namespace podgate::compiler::test {

// Nodes n0 and n1; some pods finished, hostNetwork, without address, with another's address; some
// namespaces unknown. `max_policies` above the usual makes classes that need the bounded form.
Cluster RandomCluster(std::mt19937_64* random, int max_policies);

// A flow between two addresses, of pods mostly. nullopt: the cluster has no two addresses of one
// family that a packet in the forward hook could have.
std::optional<Flow> RandomFlow(const Cluster& cluster, std::mt19937_64* random);

}  // namespace podgate::compiler::test
