// Which addresses of this node's pods have changed hands: a pod that had one is gone from it, be it
// that the pod ended, that it has another address now, or that another pod has come to have it.
// What conntrack still knows of the address then began under its former owner. Pure; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/incremental/pipeline.h"

namespace podgate::controller {

class AddressHandover {
 public:
  // More local pods than any kubelet runs are not followed.
  static constexpr std::size_t kMaxPods = 16'384;

  struct Told {
    // A pod that had the address is gone from it, or another claims it too.
    std::vector<compiler::Address> changed;
    // A pod has the address that had it not: what is left of a former owner has to be gone before
    // this one's rules count.
    std::vector<compiler::Address> taken;
  };
  // What happened since the last call; both sorted. The first call only learns.
  //
  // An address without an owner is told at once, so that the next one begins with nothing, and all
  // that it begins itself stays. One that another pod claims while the former still does is told
  // when the claim is heard of: what the new owner began before that is deleted as well, since
  // nobody can tell the two apart. When the former one's object goes after that, nothing is told.
  Told Follow(const compiler::Pipeline& pipeline);

 private:
  using Owners = std::map<compiler::Address, std::set<std::string>>;  // by uid, else by name

  std::optional<std::uint64_t> seen_;  // of the pipeline's local_changes()
  Owners owners_;
};

}  // namespace podgate::controller
