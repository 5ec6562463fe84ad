// A ruleset that changes piece by piece and can say what has changed since it was last asked.
// Pieces that several users share are counted; they are removed once the last user has released
// them and the change is taken. Pure; one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nft/model/change.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

// Names of objects that one user shares with others.
struct SharedNames {
  std::vector<std::string> chains{};
  std::vector<std::string> sets{};
  std::vector<std::string> counters{};
};

class Assembly {
 public:
  // What is in `fixed` is never removed.
  explicit Assembly(nft::Ruleset fixed) : ruleset_(std::move(fixed)) {}

  const nft::Ruleset& ruleset() const { return ruleset_; }

  // One user more of each chain, set and counter of the piece. Sets have their content for good;
  // a chain that is there already takes the rules that it has in the piece.
  SharedNames Use(nft::Ruleset piece);
  void Release(const SharedNames& names);

  // Objects with one owner.
  void PutChain(nft::Chain chain);
  void RemoveChain(const std::string& name);
  void AddSet(nft::Set set);
  void RemoveSet(const std::string& name);
  // Another set, with the same elements, in the place of the one that goes.
  void Rename(const std::string& before, nft::Set definition);
  // Keys that come (1) or go (-1) in a set without verdicts.
  void ChangeKeys(const std::string& set, const std::map<nft::Key, int>& changes);
  void AddElement(const std::string& set, nft::Element element);
  void RemoveElement(const std::string& set, const nft::Key& key);

  // What has changed since the last call. Nothing that is as it was then is in it.
  nft::Change Take();

 private:
  nft::SetChange* TouchSet(const std::string& name);
  void TouchChain(const std::string& name);
  void CollectGarbage();

  using Counts = std::map<std::string, std::size_t>;

  nft::Ruleset ruleset_;
  nft::Change change_;
  Counts chain_users_;
  Counts set_users_;
  Counts counter_users_;
  SharedNames unused_;  // that may have lost their last user
};

}  // namespace podgate::compiler
