#include "controller/cli/daemonset_wait.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "controller/base/exit_code.h"
#include "controller/transport/kubeconfig.h"

namespace podgate::controller {
namespace {

constexpr std::size_t kMaxBytes = 1u << 20;
constexpr std::chrono::milliseconds kBetween{500};

bool IsName(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), allowed);
}

class Body : public HttpConsumer {
 public:
  void OnHead(int) override {}
  bool OnBody(std::string_view bytes) override {
    text_.append(bytes.substr(0, kMaxBytes - text_.size()));
    return text_.size() < kMaxBytes;
  }
  std::chrono::milliseconds Patience() override { return std::chrono::seconds(10); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

int Count(const nlohmann::json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number_integer() ? at->get<int>() : 0;
}

// What is missing, empty when nothing is.
std::string Ask(const DaemonSetWait& wait, HttpTransport* transport) {
  HttpRequest request;
  request.target =
      fmt::format("/apis/apps/v1/namespaces/{}/daemonsets/{}", wait.name_space, wait.name);
  request.limit = std::chrono::seconds(20);
  Body body;
  const HttpResult result = transport->Get(request, &body);
  if (result.error != HttpError::kNone)
    return "the API server cannot be reached: " + result.message;
  if (result.status != 200)
    return fmt::format("the API server answers with status {}", result.status);
  const auto progress = ReadProgress(body.text());
  if (!progress) return "the answer of the API server is not a DaemonSet";
  if (!progress->current) return "the DaemonSet controller has not processed it yet";
  if (progress->done()) return "";
  return fmt::format("its pods are ready on {} of {} nodes", progress->ready, progress->wanted);
}

}  // namespace

std::optional<DaemonSetWait> ParseDaemonSetName(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  DaemonSetWait wait;
  wait.name_space = text.substr(0, slash);
  wait.name = text.substr(slash + 1);
  if (!IsName(wait.name_space) || !IsName(wait.name)) return std::nullopt;
  return wait;
}

std::optional<DaemonSetProgress> ReadProgress(std::string_view json) {
  const auto object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object() || object.value("kind", nlohmann::json()) != "DaemonSet") {
    return std::nullopt;
  }
  const auto metadata = object.find("metadata");
  const auto status = object.find("status");
  if (metadata == object.end() || !metadata->is_object()) return std::nullopt;
  DaemonSetProgress progress;
  if (status == object.end() || !status->is_object()) return progress;
  const int observed = Count(*status, "observedGeneration");
  progress.current = observed > 0 && observed >= Count(*metadata, "generation");
  progress.wanted = Count(*status, "desiredNumberScheduled");
  progress.ready = Count(*status, "numberReady");
  return progress;
}

int AwaitDaemonSet(const DaemonSetWait& wait, HttpTransport* transport, Clock* clock,
                   std::ostream& err) {
  const Clock::Time end = clock->Now() + wait.timeout;
  while (true) {
    const std::string missing = Ask(wait, transport);
    if (missing.empty()) return kExitOk;
    if (clock->Now() + kBetween > end || !clock->Sleep(kBetween)) {
      err << "podgate: DaemonSet " << wait.name_space << '/' << wait.name << " is not ready after "
          << wait.timeout.count() << " s: " << missing << '\n';
      return kExitNegative;
    }
  }
}

int AwaitDaemonSet(const DaemonSetWait& wait) {
  AccessOptions options;
  options.environment = ProcessEnvironment;
  const auto access = FindAccess(options);
  if (!access.ok()) {
    std::cerr << "podgate: " << access.status().message() << '\n';
    return access.status().code() == Status::Code::kNotFound ? kExitUsage : kExitBadInput;
  }
  if (const Status status = InitialiseTransports(); !status.ok()) {
    std::cerr << "podgate: " << status.message() << '\n';
    return kExitUnreachable;
  }
  SystemClock clock;
  return AwaitDaemonSet(wait, MakeTransport(access.value()).get(), &clock, std::cerr);
}

}  // namespace podgate::controller
