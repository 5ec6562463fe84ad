// What the rules of each namespace's pods may take of this node's tables: sets, and elements of all
// of them together. Many policies of one namespace could else fill the node's memory, since each
// selector may select every pod of the cluster. A class that its namespace has no room for allows
// nothing. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "compiler/incremental/peer_index.h"

namespace podgate::compiler {

struct NamespaceLimits {
  // Creating sets costs the kernel more for each set that there is.
  std::size_t sets = 1024;
  // Or this many for each pod of the cluster, on any node, if that is more: a selector may mean
  // them all.
  std::size_t elements = 131'072;
  std::size_t elements_for_each_pod = 8;
  // Of all namespaces together. A namespace that has no more than `small_elements` gets them
  // whatever others have.
  std::size_t total_elements = SIZE_MAX;
  std::size_t small_elements = 4096;
};

class NamespaceBudget {
 public:
  explicit NamespaceBudget(const NamespaceLimits& limits) : limits_(limits) {}

  // What one class uses; classes share both kinds.
  struct Use {
    std::set<MemberSet*> members{};              // sets of pods
    std::map<std::string, std::size_t> fixed{};  // by name, to their elements: blocks and port maps
  };

  // Takes over the class's use, and gives it back.
  void Enter(const std::string& ns, const Use& use);
  void Leave(const std::string& ns, const Use& use);

  // Counts the sets of one class as they are made, so that it can be given up early.
  class Meter {
   public:
    // False: the namespace has no room for the set, nor for any other of the class.
    bool Add(const MemberSet& set);
    bool Add(const std::string& name, std::size_t elements);
    bool full() const { return full_; }
    // Of sets that may all be new: whether there is no room for so many in any case. Of those that
    // others have made already the class would need no new one.
    bool TooMany(std::size_t sets) const { return sets > sets_left_ + members_.size(); }

   private:
    friend class NamespaceBudget;
    std::set<const MemberSet*> members_;  // in use already
    std::set<std::string> fixed_;
    const NamespaceBudget* budget_ = nullptr;
    std::size_t sets_left_ = 0;
    std::size_t elements_left_ = 0;
    std::size_t elements_ = 0;                 // that the namespace has
    std::optional<std::size_t> total_left_{};  // for all; not known while it has few
    bool full_ = false;
    bool Take(std::size_t elements);
  };
  // `pods`: of the cluster. The class has left before. The meter must not outlive the budget.
  Meter Measure(const std::string& ns, std::size_t pods) const;

 private:
  std::size_t TotalLeft() const;

  struct Users {
    std::size_t elements = 0;
    std::size_t classes = 0;
  };
  struct Space {
    std::map<MemberSet*, std::size_t> members{};  // to the number of classes that use it
    std::map<std::string, Users> fixed{};
    std::size_t classes = 0;
  };

  const NamespaceLimits limits_;
  std::map<std::string, Space> spaces_;
};

}  // namespace podgate::compiler
