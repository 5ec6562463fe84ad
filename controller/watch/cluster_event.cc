#include "controller/watch/cluster_event.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace podgate::controller {
namespace {

// The API's own limit, in bytes.
constexpr std::size_t kMaxNoteBytes = 1024;
constexpr const char* kController = "podgate";

compiler::ObjectKey KeyOf(const ClusterEvent& event, const EventSource& source) {
  if (event.about != ClusterEvent::About::kAgent) return event.key;
  return source.pod.value_or(compiler::ObjectKey{"", source.node});
}

// Events about objects without a namespace are kept in "default".
std::string NamespaceOf(const compiler::ObjectKey& key) {
  return key.ns.empty() ? "default" : key.ns;
}

nlohmann::json Regarding(const ClusterEvent& event, const EventSource& source) {
  const compiler::ObjectKey key = KeyOf(event, source);
  nlohmann::json regarding{{"name", key.name}};
  const auto is = [&regarding](const char* version, const char* kind) {
    regarding["apiVersion"] = version;
    regarding["kind"] = kind;
  };
  if (event.about == ClusterEvent::About::kNetworkPolicy) {
    is("networking.k8s.io/v1", "NetworkPolicy");
  } else if (event.about == ClusterEvent::About::kPod || source.pod) {
    is("v1", "Pod");
  } else {
    // As the kubelet writes it: `kubectl describe node` looks for the name in the uid.
    is("v1", "Node");
    regarding["uid"] = key.name;
  }
  if (!key.ns.empty()) regarding["namespace"] = key.ns;
  if (!event.uid.empty()) regarding["uid"] = event.uid;
  return regarding;
}

// Not in the middle of a character.
std::string Cut(std::string text) {
  if (text.size() <= kMaxNoteBytes) return text;
  std::size_t size = kMaxNoteBytes;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  text.resize(size);
  return text;
}

std::string Microtime(std::chrono::system_clock::time_point now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(now - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), rest);
}

}  // namespace

std::string EventTarget(const ClusterEvent& event, const EventSource& source) {
  return fmt::format("/apis/events.k8s.io/v1/namespaces/{}/events",
                     NamespaceOf(KeyOf(event, source)));
}

std::string EventJson(const ClusterEvent& event, const EventSource& source,
                      std::chrono::system_clock::time_point now) {
  const nlohmann::json made{
      {"apiVersion", "events.k8s.io/v1"},
      {"kind", "Event"},
      {"metadata",
       {{"generateName", "podgate-"}, {"namespace", NamespaceOf(KeyOf(event, source))}}},
      {"eventTime", Microtime(now)},
      {"type", "Warning"},
      {"reason", event.reason},
      {"action", event.action},
      {"note", Cut(event.note)},
      {"regarding", Regarding(event, source)},
      {"reportingController", kController},
      {"reportingInstance", fmt::format("{}-{}", kController, source.node).substr(0, 128)}};
  return made.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool RefusedByEndingNamespace(std::string_view status_json) {
  const auto status = nlohmann::json::parse(status_json, nullptr, false);
  if (!status.is_object()) return false;
  const auto details = status.find("details");
  if (details == status.end() || !details->is_object()) return false;
  const auto causes = details->find("causes");
  if (causes == details->end() || !causes->is_array()) return false;
  return std::any_of(causes->begin(), causes->end(), [](const nlohmann::json& cause) {
    if (!cause.is_object()) return false;
    const auto reason = cause.find("reason");
    return reason != cause.end() && *reason == "NamespaceTerminating";
  });
}

bool EventQueue::Put(ClusterEvent event, Clock::Time now) {
  std::erase_if(told_, [now](const auto& item) { return item.second + kSameAgain <= now; });
  while (!last_.empty() && last_.front().at + std::chrono::minutes(1) <= now) last_.pop_front();
  const bool about_agent = event.about == ClusterEvent::About::kAgent;
  const auto sent = [this](const auto& which) {
    return static_cast<std::size_t>(std::count_if(last_.begin(), last_.end(), which));
  };
  const bool crowded =
      !about_agent && (waiting_.size() >= kMaxWaiting / 4 * 3 ||
                       sent([](const Sent& s) { return !s.about_agent; }) >= kAboutObjects ||
                       sent([&](const Sent& s) {
                         return !s.about_agent && s.ns == event.key.ns;
                       }) >= kAboutOneNamespace);
  const bool full = crowded || last_.size() >= kInAMinute || waiting_.size() >= kMaxWaiting ||
                    told_.size() >= kMaxRemembered;
  const Subject subject{event.about, event.key, event.reason};
  if (full || told_.contains(subject)) return false;
  told_.emplace(subject, now);
  last_.push_back({now, about_agent, event.key.ns});
  event.note = Cut(std::move(event.note));
  waiting_.push_back(std::move(event));
  return true;
}

std::optional<ClusterEvent> EventQueue::Take() {
  if (waiting_.empty()) return std::nullopt;
  ClusterEvent event = std::move(waiting_.front());
  waiting_.pop_front();
  return event;
}

}  // namespace podgate::controller
