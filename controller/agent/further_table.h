// The further addresses of this node's pods (controller/node/further_addresses.h) in the pipeline:
// a pod has them beside those of its status, so that its rules cover them and rules that name the
// pod as a peer mean them. An address that the status of any other pod tells is never a further
// one: who is root in a pod takes nothing from others.
//
// Owned by the loop's thread; no I/O.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/incremental/pipeline.h"
#include "controller/node/further_addresses.h"

namespace podgate::controller {

class FurtherTable {
 public:
  explicit FurtherTable(compiler::Pipeline* pipeline) : pipeline_(pipeline) {}

  // Which ones there are from now on; told after each look, so that what pods' statuses tell by
  // then counts, and pods that have gone are forgotten. True when that changed a pod in the
  // pipeline.
  bool Learn(const FurtherAddresses& further);

  // Before the pod is put into the pipeline as its status tells it: adds those that it has, and
  // takes away from other pods what its status tells.
  void AddTo(compiler::Pod* pod);

  // What pods' statuses tell.
  void TakeFrom(std::vector<compiler::Pipeline::LocalPod>* pods) const;

 private:
  using Addresses = std::vector<compiler::Address>;
  struct Learnt {
    std::string uid;
    Addresses addresses;
  };

  Addresses For(const compiler::ObjectKey& pod, const std::string& uid,
                const Addresses& told) const;
  bool ToldByAnother(const compiler::Address& address, const compiler::ObjectKey& pod) const;
  bool IsAdded(const compiler::ObjectKey& pod, const compiler::Address& address) const;
  void SetAdded(const compiler::ObjectKey& pod, Addresses addresses);
  bool Refresh(const compiler::ObjectKey& pod);

  compiler::Pipeline* const pipeline_;
  std::map<compiler::ObjectKey, Learnt> learnt_;
  std::map<compiler::ObjectKey, Addresses> added_;  // of those, what is in the pipeline; sorted
  std::map<compiler::Address, std::set<compiler::ObjectKey>> added_to_;  // the same by address
};

}  // namespace podgate::controller
