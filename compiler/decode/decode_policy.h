// From a captured tree to a NetworkPolicy: everything that the API server's validation refuses is
// reported, and what cannot be read allows nothing (design §4, "broken policy"). Pure.
#pragma once

#include "compiler/decode/decode_problem.h"
#include "compiler/decode/decode_tree.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

// `root` is the whole object. Fills all of `policy` but its key, uid and errors. `manifest`: the
// text is somebody's file, so members outside of the spec that the API does not know are reported
// as well.
void ReadPolicy(const TreeNode& root, bool manifest, NetworkPolicy* policy, Problems* problems);

// What a policy is taken for whose text cannot be kept: it selects every pod and allows nothing.
void DenyAll(NetworkPolicy* policy);

}  // namespace podgate::compiler
