// Which objects a reflector has told of, and in which list each was last: for mark and sweep, and
// for the bounds on what a server may make us keep. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "compiler/model/model.h"

namespace podgate::controller {

class KnownObjects {
 public:
  KnownObjects(std::size_t max_objects, std::size_t max_bytes)
      : max_objects_(max_objects), max_bytes_(max_bytes) {}

  std::size_t size() const { return objects_.size(); }
  std::size_t bytes() const { return bytes_; }

  // A new list begins: nothing is in it yet.
  void BeginList() { ++list_; }

  // The object is there and takes `bytes`. False: that would be too much; then it is as before.
  bool Add(const compiler::ObjectKey& key, std::size_t bytes) {
    const auto it = objects_.find(key);
    const std::size_t before = it == objects_.end() ? 0 : it->second.bytes;
    if (bytes_ - before + bytes > max_bytes_) return false;
    if (it == objects_.end() && objects_.size() >= max_objects_) return false;
    bytes_ += bytes - before;
    objects_.insert_or_assign(key, Object{list_, bytes});
    return true;
  }

  void Remove(const compiler::ObjectKey& key) {
    const auto it = objects_.find(key);
    if (it != objects_.end()) Remove(it);
  }

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
      it = Remove(it);
    }
    return true;
  }

 private:
  struct Object {
    std::uint32_t list = 0;
    std::size_t bytes = 0;
  };
  using Map = std::map<compiler::ObjectKey, Object>;

  Map::iterator Remove(Map::iterator it) {
    bytes_ -= it->second.bytes;
    return objects_.erase(it);
  }

  const std::size_t max_objects_;
  const std::size_t max_bytes_;
  Map objects_;
  std::uint32_t list_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace podgate::controller
