// Pods are watched twice: those of all nodes without the finished ones, which on some clusters are
// most of all pods, and those of this node in every phase, since one that has finished may still
// run. The two streams come in no order between them; what counts of each message is decided here:
// the stream of this node decides about every pod that it holds, the other about all others.
//
//   a pod leaves the wide stream as it finishes, and stays in the narrow one
//   a name may be given again to a pod on another node: what the wide stream says of that waits
//   until the narrow one has heard that the pod of this node is gone
//
// Owned by the loop's thread; no I/O.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "controller/watch/message.h"

namespace podgate::controller {

class PodSources {
 public:
  // `known`: the pod of a name as the messages that counted left it.
  using Known = std::function<std::optional<compiler::Pod>(const compiler::ObjectKey&)>;
  PodSources(std::string node, Known known) : node_(std::move(node)), known_(std::move(known)) {}

  // An upsert or a deletion of a pod: what is to be done about it; nullopt: nothing.
  std::optional<Message> Next(Message message);
  // The message's stream decides about the pod of its key.
  bool Decides(const Message& message) const {
    return message.of_this_node == here_.contains(message.key);
  }

 private:
  std::optional<Message> OfThisNode(Message message);
  std::optional<Message> OfAllNodes(Message message);

  const std::string node_;
  const Known known_;
  std::set<compiler::ObjectKey> here_;                // that the narrow stream holds
  std::map<compiler::ObjectKey, Message> elsewhere_;  // of the same names, on other nodes
};

}  // namespace podgate::controller
