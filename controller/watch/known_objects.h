// Which objects a reflector has told of, and in which list each was last: for mark and sweep, and
// for what each namespace's objects may take of our memory. Nothing that somebody creates in one
// namespace keeps objects of others from being followed: what a namespace has too much of falls on
// its own largest objects, which lose what they hold (see emptied.h), the same on every node.
//
// A namespace's share is Limits::namespace_bytes. Where all shares together are more than
// Limits::bytes, the share is halved until they fit, which touches the largest spenders only. In a
// namespace that is over its share, objects fit in the order of their size, then of their name. A
// change costs the logarithm of what its namespace has, and those that come to fit or not to fit.
//
// One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/model/model.h"

namespace podgate::controller {

class KnownObjects {
 public:
  struct Limits {  // all in bytes of memory, or numbers of objects
    std::size_t objects = 0;
    std::size_t namespace_objects = 0;
    std::size_t bytes = 0;
    std::size_t namespace_bytes = 0;
    // Of each object: so much counts in any case, and so much does not count at all. Pods that are
    // as large as most are cost nothing, however many there are.
    std::size_t least = 0;
    std::size_t free = 0;
  };
  enum class Fit : std::uint8_t {
    kWhole,
    kEmptied,   // it is known, and must not be kept as it is
    kNotAtAll,  // there are too many: it is not even known by its name
  };

  explicit KnownObjects(const Limits& limits) : limits_(limits) {}

  std::size_t size() const { return objects_.size(); }

  // A new list begins: nothing is in it yet.
  void BeginList() { ++list_; }

  // The object is there and takes `bytes`.
  Fit Add(const compiler::ObjectKey& key, std::size_t bytes);
  // True if it was known.
  bool Remove(const compiler::ObjectKey& key);

  // Other objects that have come not to fit since this was last asked: they must be emptied.
  std::vector<compiler::ObjectKey> TakeLost() { return std::exchange(lost_, {}); }
  // Objects that were emptied would fit now: a list brings them whole.
  bool regained() const { return regained_; }
  void ForgetRegained() { regained_ = false; }

  // Removes each object that the present list does not have, after `gone` said true to its key;
  // stops and says false when `gone` says false.
  template <typename Gone>
  bool Sweep(const Gone& gone) {
    for (auto it = objects_.begin(); it != objects_.end();) {
      if (it->second.list == list_) {
        ++it;
        continue;
      }
      if (!gone(it->first)) return false;
      const compiler::ObjectKey key = it->first;
      ++it;
      Remove(key);
    }
    return true;
  }

 private:
  struct Object {
    std::uint32_t list = 0;
    std::size_t cost = 0;
  };
  struct Priced {
    std::size_t cost = 0;
    const compiler::ObjectKey* key = nullptr;  // in objects_
    friend bool operator<(const Priced& a, const Priced& b) {
      return a.cost != b.cost ? a.cost < b.cost : a.key->name < b.key->name;
    }
  };
  struct Space {  // a namespace
    std::size_t objects = 0;
    std::size_t cost = 0;        // of all
    std::set<Priced> whole{};    // that cost anything and fit: all of these come before
    std::set<Priced> emptied{};  // all of these
    std::size_t whole_cost = 0;
  };
  using Spaces = std::map<std::string, Space>;
  static constexpr std::size_t kHalvings = 20;

  std::size_t CostOf(std::size_t bytes) const;
  std::size_t ShareAfter(std::size_t halvings) const { return limits_.namespace_bytes >> halvings; }
  void Spend(Space* space, std::size_t before, std::size_t now);
  void Enter(Space* space, const Priced& object);
  void Leave(Space* space, const Priced& object);
  // Moves the cut between what fits and what does not. `told`: what becomes of this one is told by
  // the answer.
  void Cut(Space* space, const compiler::ObjectKey& told);
  void AfterChange(Spaces::iterator changed, const compiler::ObjectKey& told);

  const Limits limits_;
  std::map<compiler::ObjectKey, Object> objects_;
  Spaces spaces_;
  // What all namespaces would take at each share.
  std::array<std::size_t, kHalvings + 1> taken_{};
  std::size_t halvings_ = 0;
  std::vector<compiler::ObjectKey> lost_;
  bool regained_ = false;
  std::uint32_t list_ = 0;
};

}  // namespace podgate::controller
