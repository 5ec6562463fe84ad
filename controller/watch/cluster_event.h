// What the agent tells the cluster as Events (events.k8s.io/v1), for `kubectl get events` and
// `kubectl describe`: what one is, its JSON, and how seldom they are sent. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "compiler/model/model.h"
#include "controller/base/clock.h"

namespace podgate::controller {

struct ClusterEvent {
  enum class About : std::uint8_t {
    kAgent,  // what happens on this node: the agent's own pod, else its node
    kPod,
    kNetworkPolicy,
  };
  About about = About::kAgent;
  compiler::ObjectKey key{};  // of a pod or a policy
  std::string uid{};          // empty: not known
  std::string reason{};       // one word
  std::string action{};       // one word: what was done about it
  std::string note{};         // sentences
};

// Who hears of them. Telling is cheap and never waits; nothing depends on it. Any thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Tell(ClusterEvent event) = 0;
};

// Who tells it.
struct EventSource {
  std::string node;
  std::optional<compiler::ObjectKey> pod{};  // the agent's own, if it is one
};

// Where to POST it, and what. Longer notes than the API takes are cut.
std::string EventTarget(const ClusterEvent& event, const EventSource& source);
std::string EventJson(const ClusterEvent& event, const EventSource& source,
                      std::chrono::system_clock::time_point now);

// Whether a Status (metav1.Status) that refuses an event does so because its namespace is being
// deleted: then nobody may create anything there, and it says nothing about our rights. By the
// cause's reason, NamespaceTerminating (k8s.io/api/core/v1).
bool RefusedByEndingNamespace(std::string_view status_json);

// Waiting events, bounded, and how seldom they go: the same reason about the same object once in
// ten minutes; twenty a minute at all, of them fifteen about namespaces' objects and five about
// those of one, so that nobody's events keep others', or the agent's own, from being told.
class EventQueue {
 public:
  static constexpr std::chrono::minutes kSameAgain{10};
  static constexpr std::size_t kInAMinute = 20;
  static constexpr std::size_t kAboutObjects = 15;
  static constexpr std::size_t kAboutOneNamespace = 5;
  static constexpr std::size_t kMaxWaiting = 64;  // and of objects' three quarters
  static constexpr std::size_t kMaxRemembered = 1024;

  // False: not now.
  bool Put(ClusterEvent event, Clock::Time now);
  std::optional<ClusterEvent> Take();
  bool empty() const { return waiting_.empty(); }

 private:
  using Subject = std::tuple<ClusterEvent::About, compiler::ObjectKey, std::string>;
  std::deque<ClusterEvent> waiting_;
  std::map<Subject, Clock::Time> told_;
  struct Sent {
    Clock::Time at;
    bool about_agent = false;
    std::string ns{};
  };
  std::deque<Sent> last_;  // of the last minute
};

}  // namespace podgate::controller
