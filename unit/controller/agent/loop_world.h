// A loop over a kernel in memory, with a small cluster to tell it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "controller/agent/loop.h"
#include "nft/model/interpret.h"
#include "unit/controller/base/fake_clock.h"
#include "unit/nft/fake/fake_kernel.h"
#include "unit/nft/fake/fake_monitor.h"

namespace podgate::controller {

using compiler::Kind;

inline compiler::Pod MakePod(const std::string& name, const std::string& address,
                             compiler::Labels labels, const std::string& node = "n1") {
  compiler::Pod pod;
  pod.key = {"d", name};
  pod.labels = std::move(labels);
  pod.node = node;
  if (!address.empty()) pod.addresses = {*ipset::Address::Parse(address)};
  return pod;
}

// Pods with app=web take traffic from pods with role=client, on every port.
inline compiler::NetworkPolicy WebPolicy() {
  compiler::NetworkPolicy policy;
  policy.key = {"d", "web"};
  policy.pods.requirements = {{"app", compiler::Requirement::Operator::kIn, {"web"}}};
  compiler::PolicyPeer peer;
  peer.pods = compiler::LabelSelector{{{"role", compiler::Requirement::Operator::kIn, {"client"}}}};
  compiler::PolicyRule rule;
  rule.peers = {peer};
  rule.any_port = true;
  policy.ingress = {rule};
  return policy;
}

inline Message Upsert(Kind kind, compiler::Object object,
                      std::vector<compiler::Diagnostic> diagnostics = {}) {
  Message message;
  message.kind = kind;
  message.object = std::move(object);
  message.diagnostics = std::move(diagnostics);
  return message;
}
inline Message Upsert(compiler::Pod pod) { return Upsert(Kind::kPod, std::move(pod)); }
inline Message Delete(Kind kind, const std::string& ns, const std::string& name) {
  Message message;
  message.type = Message::Type::kDelete;
  message.kind = kind;
  message.key = {ns, name};
  return message;
}
inline Message Listed(Kind kind) {
  Message message;
  message.type = Message::Type::kListed;
  message.kind = kind;
  return message;
}
inline compiler::Diagnostic Unreadable() {
  compiler::Diagnostic diagnostic;
  diagnostic.object = "pod d/web";
  diagnostic.field = "status.podIPs";
  diagnostic.message = "cannot be read";
  return diagnostic;
}

class ToldEvents : public EventSink {
 public:
  void Tell(ClusterEvent event) override { told.push_back(std::move(event)); }
  std::vector<ClusterEvent> told;
};

struct LoopWorld {
  nft::FakeKernel kernel;
  FakeClock clock;
  std::string logged;
  Logger log{Logger::Format::kText, LogLevel::kDebug,
             [this](std::string_view line) { logged += line; }};
  nft::FakeMonitor monitor;
  ToldEvents events;
  Loop loop{{"n1", {}, false}, &kernel, &clock, &log, {.monitor = &monitor, .events = &events}};

  template <typename... Messages>
  void Tell(Messages... messages) {
    std::vector<Message> batch;
    (batch.push_back(std::move(messages)), ...);
    loop.Handle(std::move(batch));
  }
  // One web pod on this node, one client and one stranger elsewhere, one policy.
  void Start() {
    Tell(Upsert(Kind::kNamespace, compiler::Namespace{"d", {}}),
         Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})),
         Upsert(MakePod("client", "10.0.1.1", {{"role", "client"}}, "n2")),
         Upsert(MakePod("stranger", "10.0.1.2", {{"role", "none"}}, "n2")),
         Upsert(Kind::kNetworkPolicy, WebPolicy()));
    Tell(Listed(Kind::kNamespace), Listed(Kind::kPod), Listed(Kind::kNetworkPolicy));
    kernel.committed.clear();
  }
  nft::Ruleset Table() {
    auto table = kernel.Read("podgate");
    return table.ok() && table.value() ? *table.value() : nft::Ruleset();
  }
  bool Passes(const std::string& from, const std::string& to) {
    nft::Packet packet;
    packet.source = *ipset::Address::Parse(from);
    packet.destination = *ipset::Address::Parse(to);
    packet.destination_port = 80;
    return nft::Interpret(Table(), nft::Hook::kForward, packet).accepted;
  }
  std::size_t Logged(const std::string& text) const {
    std::size_t count = 0;
    for (auto at = logged.find(text); at != std::string::npos; at = logged.find(text, at + 1))
      ++count;
    return count;
  }
};

}  // namespace podgate::controller
