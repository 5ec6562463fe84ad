// Random clusters and flows, small enough to think about and odd enough to matter: one to three
// nodes, two to four namespaces, four to fourteen pods (hostNetwork, finished, without address,
// sharing an address), single and dual stack, policies of every shape over a tiny alphabet of
// labels, ports and addresses, so that things match, clash and cut each other often. The same seed
// gives the same cluster everywhere.
#pragma once

#include "compiler/model/model.h"
#include "compiler/reference/flow_query.h"
#include "unit/compiler/support/random.h"

namespace podgate::compiler::test {

Cluster RandomCluster(Random* random);

// One event as an API server would report it: a pod, namespace or policy changed, gone or new.
void RandomChange(Cluster* cluster, Random* random);

// Between ends that the cluster knows (now and then one that it does not: an outside address).
FlowQuery RandomFlow(const Cluster& cluster, Random* random);

}  // namespace podgate::compiler::test
