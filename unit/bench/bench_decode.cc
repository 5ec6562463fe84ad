// The decoder's cost: a pod in a watch event, and a PodList of 30 MB as it comes from `kubectl get
// pods -o json`.
#include <benchmark/benchmark.h>

#include <string>

#include "compiler/decode/decode.h"
#include "compiler/load/load_text.h"

namespace {

using namespace podgate::compiler;

const char* Comma(int index) { return index == 0 ? "" : ","; }

// About 6 KB, two fifths of them managedFields, like a Deployment's pod.
std::string PodJson(int number) {
  const std::string id = std::to_string(number);
  std::string json =
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-7d4b9c6f5-)" + id +
      R"(","generateName":"web-7d4b9c6f5-","namespace":"ns-)" + std::to_string(number % 50) +
      R"(","uid":"7e1f0a52-1111-4222-8333-)" + id + R"(","resourceVersion":")" + id +
      R"(","creationTimestamp":"2024-05-01T10:00:00Z","labels":{"app":"web","tier":"front",)"
      R"("pod-template-hash":"7d4b9c6f5"},"annotations":{"kubectl.kubernetes.io/restartedAt":"x"},"managedFields":[)";
  for (int i = 0; i < 3; ++i) {
    json += Comma(i);
    json +=
        R"({"manager":"kubelet","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{)";
    for (int k = 0; k < 12; ++k) {
      json += Comma(k);
      json += "\"f:field" + std::to_string(k) + R"(":{".":{},"f:a":{},"f:b":{"f:c":{}}})";
    }
    json += "}}";
  }
  json += R"(]},"spec":{"nodeName":"node-)" + std::to_string(number % 100) + R"(","containers":[)";
  for (int c = 0; c < 2; ++c) {
    json += Comma(c);
    json += R"({"name":"c)" + std::to_string(c) +
            R"(","image":"registry.example/web:1.2.3","ports":[{"name":"http)" + std::to_string(c) +
            R"(","containerPort":8080,"protocol":"TCP"}],"env":[)";
    for (int e = 0; e < 10; ++e) {
      json += Comma(e);
      json += R"({"name":"VARIABLE_)" + std::to_string(e) +
              R"(","value":"some value of a usual length"})";
    }
    json += R"(],"resources":{"limits":{"cpu":"1","memory":"1Gi"}}})";
  }
  json += R"(]},"status":{"phase":"Running","hostIP":"192.168.0.1","podIP":"10.)" +
          std::to_string(number / 65536) + "." + std::to_string(number / 256 % 256) + "." +
          std::to_string(number % 256) + R"(","conditions":[)";
  for (int i = 0; i < 8; ++i) {
    json += Comma(i);
    json +=
        R"({"type":"Ready","status":"True","lastTransitionTime":"2024-05-01T10:00:00Z","lastProbeTime":null})";
  }
  return json + "]}}";
}

void BM_WatchEvent(benchmark::State& state) {
  const std::string event = R"({"type":"MODIFIED","object":)" + PodJson(1) + "}";
  for (auto _ : state) benchmark::DoNotOptimize(DecodeWatchEvent(event, Kind::kPod));
  state.SetBytesProcessed(static_cast<std::int64_t>(event.size()) * state.iterations());
}
BENCHMARK(BM_WatchEvent);

std::string PodList(std::size_t bytes) {
  std::string list =
      R"({"apiVersion":"v1","kind":"PodList","metadata":{"resourceVersion":"1"},"items":[)";
  for (int i = 0; list.size() < bytes; ++i) {
    list += Comma(i);
    list += PodJson(i);
  }
  return list + "]}";
}

void BM_PodList30MB(benchmark::State& state) {
  const std::string list = PodList(30'000'000);
  std::size_t pods = 0;
  for (auto _ : state) {
    DecodeList(list, Kind::kPod,
               [&](Decoded&& decoded) { pods += decoded.object.has_value() ? 1 : 0; });
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(list.size()) * state.iterations());
  state.counters["seconds_per_pod"] = benchmark::Counter(
      static_cast<double>(pods), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_PodList30MB)->Unit(benchmark::kMillisecond);

void BM_LoadText30MB(benchmark::State& state) {
  const std::string list = PodList(30'000'000);
  for (auto _ : state) {
    LoadResult result;
    LoadText(list, "pods.json", &result);
    benchmark::DoNotOptimize(result);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(list.size()) * state.iterations());
}
BENCHMARK(BM_LoadText30MB)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
