// Whether a class of policies asks for more than a node gives it. Pure.
#pragma once

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

// Different pod selectors, with the namespaces that they select pods of, as kMaxPodTerms of model.h
// counts them. Refers to what it was given and copies nothing: a class that has too many is found
// out before anything is made of it.
class PodTermCount {
 public:
  // `ns`: of the peer's policy. False: these are more than a class may have.
  bool Add(const PolicyPeer& peer, const std::string& ns);

 private:
  struct Term {  // as a PodTerm
    const std::string* ns;
    const LabelSelector* namespaces;
    const LabelSelector* pods;
    friend bool operator<(const Term& a, const Term& b) {
      return std::tie(*a.pods, *a.namespaces, *a.ns) < std::tie(*b.pods, *b.namespaces, *b.ns);
    }
  };
  std::set<Term> terms_;
};

// By kMaxPortPieces of model.h.
bool HasTooManyPieces(const std::vector<AllowEntry>& entries);

}  // namespace podgate::compiler
