#include "controller/agent/pod_sources.h"

#include <variant>

namespace podgate::controller {

std::optional<Message> PodSources::Next(Message message) {
  return message.of_this_node ? OfThisNode(std::move(message)) : OfAllNodes(std::move(message));
}

std::optional<Message> PodSources::OfThisNode(Message message) {
  if (message.type == Message::Type::kUpsert) {
    auto& pod = std::get<compiler::Pod>(*message.object);
    // The server was asked for this node's pods alone. A name that cannot be read is this one.
    if (pod.node.empty()) pod.node = node_;
    if (pod.node != node_) return std::nullopt;
    if (here_.insert(pod.key).second) {
      std::optional<compiler::Pod> known = known_(pod.key);
      if (known && known->node != node_) {
        Message elsewhere = message;
        elsewhere.of_this_node = false;
        elsewhere.diagnostics.clear();
        elsewhere.object = *std::move(known);
        elsewhere_.insert_or_assign(pod.key, std::move(elsewhere));
      }
    }
    return message;
  }
  if (here_.erase(message.key) == 0) return std::nullopt;
  if (auto elsewhere = elsewhere_.extract(message.key)) return std::move(elsewhere.mapped());
  return message;
}

std::optional<Message> PodSources::OfAllNodes(Message message) {
  const compiler::ObjectKey& key = message.type == Message::Type::kUpsert
                                       ? std::get<compiler::Pod>(*message.object).key
                                       : message.key;
  elsewhere_.erase(key);
  if (!here_.contains(key)) return message;
  if (message.type == Message::Type::kUpsert &&
      std::get<compiler::Pod>(*message.object).node != node_) {
    compiler::ObjectKey name = key;
    elsewhere_.emplace(std::move(name), std::move(message));
  }
  return std::nullopt;
}

}  // namespace podgate::controller
