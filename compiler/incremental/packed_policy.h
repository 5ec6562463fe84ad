// A NetworkPolicy in a tenth of the memory: most policies of a cluster select no pod of this node,
// and wait in this form until one does. Pure.
#pragma once

#include <string>

#include "compiler/model/model.h"

namespace podgate::compiler {

class PackedPolicy {
 public:
  explicit PackedPolicy(const NetworkPolicy& policy);
  NetworkPolicy Unpack() const;

  // Equal policies have equal packed forms, and only they.
  friend bool operator==(const PackedPolicy&, const PackedPolicy&) = default;

 private:
  std::string bytes_;
};

}  // namespace podgate::compiler
