// One table of the fake kernel while a step is applied to it. Internal to nft/; not thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>

#include "nft/model/ruleset.h"
#include "nft/model/step.h"

namespace podgate::nft {

// Why an operation was refused, as the kernel would say it; error 0: it was not.
struct Refusal {
  std::string what;
  int error = 0;  // errno value
};

class FakeTable {
 public:
  // `exists` false: the table is not there (yet). `checks_jumps_at_once`: as FakeKernel says.
  FakeTable(bool exists, Ruleset ruleset, bool checks_jumps_at_once);

  // After a refusal the table's state is of no use any more.
  Refusal Apply(const Operation& operation);
  // What the kernel checks when all operations are done.
  Refusal CheckAtEnd() const;

  bool exists() const { return exists_; }
  const Ruleset& ruleset() const { return ruleset_; }

 private:
  struct References {  // names that rules and elements use
    std::set<std::string> sets;
    std::set<std::string> chains;
    std::set<std::string> counters;
  };

  Refusal Add(const AddTable& op);
  Refusal Add(const AddCounter& op);
  Refusal Add(const AddSet& op);
  Refusal Add(const AddElements& op);
  Refusal Add(const AddChain& op);
  Refusal Delete(const DeleteTable& op);
  Refusal Delete(const DeleteCounter& op);
  Refusal Delete(const DeleteSet& op);
  Refusal Delete(const DeleteElements& op);
  Refusal Delete(const DeleteChain& op);
  Refusal Flush(const FlushChain& op);
  Refusal Replace(const SetRules& op);

  // These return an errno value, 0 if the kernel would not mind.
  int AddElement(Set* set, Element element);
  int CheckRule(const Rule& rule) const;
  int CheckTarget(const std::string& chain) const;
  int CheckBelow(const std::string& chain) const;
  // `checked`: the deepest level at which a chain was found good.
  Refusal CheckDepth(const Chain& chain, int level, std::map<std::string, int>* checked) const;
  References AllReferences() const;

  bool exists_;
  Ruleset ruleset_;
  bool checks_jumps_at_once_;
  std::set<std::string> bound_;  // sets that a rule looks up, or did when the step began
};

}  // namespace podgate::nft
