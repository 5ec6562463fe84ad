// A cluster of the model as manifests: one JSON object a document, which `podgate … -f` reads. For
// the messages of failing random tests, and for feeding the same clusters to other programs.
#pragma once

#include <string>

#include "compiler/model/model.h"

namespace podgate::compiler::test {

// Rules that only a broken policy can have (none readable in them) come out as what they mean:
// allowing nothing.
std::string Manifests(const Cluster& cluster);

}  // namespace podgate::compiler::test
