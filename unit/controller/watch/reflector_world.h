// A reflector with everything around it that a test plays: a scripted server, and who hears of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/watch/reflector.h"
#include "unit/controller/transport/fake_transport.h"

namespace podgate::controller {

inline std::string Pod(const std::string& name, int version, const std::string& label = "x") {
  return fmt::format(
      R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{}","namespace":"d",)"
      R"("resourceVersion":"{}","labels":{{"l":"{}"}}}},"spec":{{"nodeName":"n"}}}})",
      name, version, label);
}
inline std::string Event(const char* type, const std::string& object) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
}
inline std::string Added(const std::string& name, int version) {
  return Event("ADDED", Pod(name, version));
}
inline std::string Deleted(const std::string& name, int version) {
  return Event("DELETED", Pod(name, version));
}
inline std::string Bookmark(int version, bool end = false) {
  return Event(
      "BOOKMARK",
      fmt::format(R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"resourceVersion":"{}"{}}}}})",
                  version, end ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : ""));
}
inline std::string StatusBody(int code, const std::string& reason, int retry_after = 0) {
  return fmt::format(
      R"({{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"m",)"
      R"("reason":"{}","details":{{"retryAfterSeconds":{}}},"code":{}}})",
      reason, retry_after, code);
}
inline std::string List(const std::vector<std::string>& items, const std::string& version,
                        const std::string& token = {}) {
  std::string text;
  for (const std::string& item : items) text.append(text.empty() ? "" : ",").append(item);
  return fmt::format(
      R"({{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"{}","continue":"{}"}},"items":[{}]}})",
      version, token, text);
}

class Recorder : public MessageSink {
 public:
  // Of a pod; of a policy, whether it allows anything.
  static std::string Label(const compiler::Object& object) {
    if (const auto* policy = std::get_if<compiler::NetworkPolicy>(&object))
      return policy->ingress.empty() ? "" : "rules";
    const auto& pod = std::get<compiler::Pod>(object);
    return pod.labels.empty() ? "" : pod.labels[0].second;
  }
  bool Put(Message message) override {
    if (limit-- == 0) return false;
    switch (message.type) {
      case Message::Type::kListed:
        said.emplace_back("listed");
        break;
      case Message::Type::kDelete:
        said.push_back(fmt::format("-{}", message.key.name));
        there.erase(message.key.name);
        break;
      case Message::Type::kEmpty:
        said.push_back(fmt::format("0{}", message.key.name));
        there[message.key.name] = "";
        break;
      case Message::Type::kUpsert:
        said.push_back(fmt::format("+{}", message.key.name));
        there[message.key.name] = Label(*message.object);
        break;
    }
    return true;
  }
  std::string Take() {
    std::string text;
    for (const std::string& word : said) text.append(text.empty() ? "" : " ").append(word);
    said.clear();
    return text;
  }

  std::vector<std::string> said;
  std::map<std::string, std::string> there;
  int limit = -1;
};

struct World {
  FakeClock clock;
  FakeTransport transport{&clock};
  RequestLimiter limiter{&clock};
  std::string logged;
  Logger log{Logger::Format::kText, LogLevel::kDebug,
             [this](std::string_view line) { logged += line; }};
  Recorder sink;
  Resource resource = kPods;
  std::unique_ptr<Reflector> reflector;

  // Plays the script to its end.
  void Play(std::deque<Answer> script) {
    transport.script = std::move(script);
    clock.stopped = false;
    if (!reflector) {
      reflector = std::make_unique<Reflector>(resource, &transport, &limiter, &clock, &log, &sink);
    }
    reflector->Run();
  }
  bool IsWatchFrom(std::size_t request, const std::string& version) const {
    return request < transport.targets.size() &&
           transport.targets[request].find("&resourceVersion=" + version + "&") !=
               std::string::npos;
  }
  bool IsStreamingList(std::size_t request) const {
    return request < transport.targets.size() &&
           transport.targets[request].find("sendInitialEvents=true") != std::string::npos;
  }
  bool IsPage(std::size_t request) const {
    return request < transport.targets.size() &&
           transport.targets[request].find("limit=") != std::string::npos;
  }
};

// A list by a stream that then lived for a minute.
inline Answer Listed(const std::vector<std::string>& events, int version) {
  Answer answer;
  answer.pieces = events;
  answer.pieces.push_back(Bookmark(version, true));
  answer.lived = std::chrono::minutes(1);
  return answer;
}
inline Answer Stream(std::vector<std::string> pieces, HttpError end = HttpError::kNone) {
  Answer answer;
  answer.pieces = std::move(pieces);
  answer.end = end;
  answer.lived = std::chrono::minutes(1);
  return answer;
}
inline Answer Refusal(int status, const std::string& body, int retry_after = 0) {
  Answer answer;
  answer.status = status;
  answer.pieces = {body};
  answer.retry_after_seconds = retry_after;
  return answer;
}
inline Answer Page(const std::string& body) {
  Answer answer;
  answer.pieces = {body};
  return answer;
}
inline Answer NoConnection() {
  Answer answer;
  answer.status = 0;
  answer.end = HttpError::kConnect;
  return answer;
}
inline Answer NoStreamingLists() { return Refusal(422, StatusBody(422, "Invalid")); }

}  // namespace podgate::controller
