// What an API server sends: pages of lists, watch events, statuses; whole, cut off, and in any
// order of members.

#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/decode/decode.h"

namespace podgate::compiler {
namespace {

constexpr char kPod[] =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"x","resourceVersion":"7",)"
    R"("labels":{"app":"web \" \\ \u00e9"}},"spec":{"nodeName":"n","containers":[{"ports":[{"name":"http",)"
    R"("containerPort":80}]}]},"status":{"phase":"Running","podIP":"10.0.0.1"}})";
constexpr char kPolicy[] =
    R"({"kind":"NetworkPolicy","apiVersion":"networking.k8s.io/v1","metadata":{"name":"p","namespace":"x",)"
    R"("resourceVersion":"8"},"spec":{"podSelector":{},"ingress":[{"from":[{"podSelector":{}}]}]}})";

struct Page {
  std::variant<ListMeta, Diagnostic> result;
  std::vector<Decoded> items;
  std::string Problem() const {
    const auto* diagnostic = std::get_if<Diagnostic>(&result);
    return diagnostic == nullptr ? "" : diagnostic->ToString();
  }
};

Page List(std::string_view json, Kind kind, const DecodeLimits& limits = {}) {
  Page page;
  page.result = DecodeList(
      json, kind, [&](Decoded&& item) { page.items.push_back(std::move(item)); }, limits);
  return page;
}

std::string EventProblem(std::string_view json, Kind kind, const DecodeLimits& limits = {}) {
  const auto event = DecodeWatchEvent(json, kind, limits);
  const auto* diagnostic = std::get_if<Diagnostic>(&event);
  return diagnostic == nullptr ? "" : diagnostic->ToString();
}

WatchEvent Event(std::string_view json, Kind kind) {
  auto event = DecodeWatchEvent(json, kind);
  EXPECT_EQ("", EventProblem(json, kind));
  return std::holds_alternative<WatchEvent>(event) ? std::get<WatchEvent>(std::move(event))
                                                   : WatchEvent();
}

TEST(DecodeList, ItemsNeedNoKindOfTheirOwn) {
  const Page page = List(
      R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"42","continue":"next","remainingItemCount":3},)"
      R"("items":[{"metadata":{"name":"a","namespace":"x"},"spec":{"nodeName":"n"}},)" +
          std::string(kPod) + "]}\n",
      Kind::kPod);
  EXPECT_EQ("", page.Problem());
  const ListMeta& meta = std::get<ListMeta>(page.result);
  EXPECT_EQ("42", meta.resource_version);
  EXPECT_EQ("next", meta.continue_token);
  ASSERT_EQ(2u, page.items.size());
  EXPECT_EQ("n", std::get<Pod>(*page.items[0].object).node);
  EXPECT_TRUE(page.items[0].diagnostics.empty());
  EXPECT_EQ("web \" \\ é", std::get<Pod>(*page.items[1].object).labels.at(0).second);
}

TEST(DecodeList, EmptyLists) {
  for (const char* items : {"[]", "null"}) {
    const Page page = List(
        R"({"kind":"NamespaceList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":)" +
            std::string(items) + "}",
        Kind::kNamespace);
    EXPECT_EQ("", page.Problem());
    EXPECT_TRUE(page.items.empty());
  }
}

TEST(DecodeList, MetadataOnlyObjectsServeForNamespaces) {
  const Page page = List(
      R"({"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"5"},"items":)"
      R"([{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"x","labels":{"a":"b"}}}]})",
      Kind::kNamespace);
  EXPECT_EQ("", page.Problem());
  ASSERT_EQ(1u, page.items.size());
  EXPECT_EQ((Namespace{"x", {{"a", "b"}}}), std::get<Namespace>(*page.items[0].object));
}

TEST(DecodeList, BrokenPoliciesAreDelivered) {
  const Page page = List(
      R"({"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","metadata":{},"items":[)"
      R"({"metadata":{"name":"p","namespace":"x","novelty":1},"spec":{"ingress":[{"ports":[{"port":0}]}]},"novelty":{}}]})",
      Kind::kNetworkPolicy);
  ASSERT_EQ(1u, page.items.size());
  const NetworkPolicy& policy = std::get<NetworkPolicy>(*page.items[0].object);
  ASSERT_EQ(1u, policy.errors.size());
  EXPECT_EQ("networkpolicy x/p: spec.ingress[0].ports[0].port: must be from 1 to 65535, found 0",
            policy.errors[0].ToString());
  EXPECT_EQ(policy.errors, page.items[0].diagnostics);
}

TEST(DecodeList, WhatIsNoListOfThatKind) {
  EXPECT_EQ("must be a PodList, found the kind \"NamespaceList\"",
            List(R"({"kind":"NamespaceList","apiVersion":"v1","items":[]})", Kind::kPod).Problem());
  EXPECT_EQ(
      "must be a list, found a Status: Expired: too old",
      List(R"({"kind":"Status","message":"too old","reason":"Expired","code":410})", Kind::kPod)
          .Problem());
  EXPECT_EQ("the list has no items",
            List(R"({"kind":"PodList","apiVersion":"v1"})", Kind::kPod).Problem());
  EXPECT_EQ("items: must be a list, found an object (byte 44)",
            List(R"({"kind":"PodList","apiVersion":"v1","items":{}})", Kind::kPod)
                .Problem()
                .substr(0, 200));
  EXPECT_EQ("items: must be an object, found null (byte 45)",
            List(R"({"kind":"PodList","apiVersion":"v1","items":[null]})", Kind::kPod).Problem());
  EXPECT_EQ("must be an object, found a list (byte 0)", List("[]", Kind::kPod).Problem());
  EXPECT_EQ("must be a PodList, found the kind \"\"", List("{}", Kind::kPod).Problem());
  EXPECT_EQ("not valid JSON: the text ends in the middle of a value (byte 0)",
            List("", Kind::kPod).Problem());
  EXPECT_EQ("there is text behind the JSON value (byte 47)",
            List(R"({"kind":"PodList","apiVersion":"v1","items":[]}x)", Kind::kPod)
                .Problem()
                .substr(0, 200));
}

TEST(DecodeList, AnItemOfAnotherKindIsAnError) {
  const Page page = List(
      R"({"kind":"PodList","apiVersion":"v1","items":[{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"x"}}]})",
      Kind::kPod);
  EXPECT_EQ("", page.Problem());
  ASSERT_EQ(1u, page.items.size());
  EXPECT_FALSE(page.items[0].object);
  EXPECT_EQ("namespace x: kind: must be Pod of v1, found \"Namespace\" of \"v1\"",
            page.items[0].diagnostics.at(0).ToString());
}

TEST(DecodeList, AListCutOffAnywhereIsAProblem) {
  const std::string list =
      R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"42"},"items":[)" +
      std::string(kPod) + "," + kPod + "]}";
  for (std::size_t length = 0; length < list.size(); ++length) {
    const Page page = List(std::string_view(list).substr(0, length), Kind::kPod);
    EXPECT_NE("", page.Problem()) << length;
    EXPECT_LE(page.items.size(), 2u);
  }
  EXPECT_EQ("", List(list, Kind::kPod).Problem());
}

TEST(DecodeList, LimitsOfObjects) {
  DecodeLimits limits;
  limits.object_bytes = 200;
  const std::string small = R"({"metadata":{"name":"a"}})";
  const std::string large = R"({"metadata":{"name":"a","uid":")" + std::string(300, 'u') + R"("}})";
  const std::string head = R"({"kind":"PodList","apiVersion":"v1","items":[)";
  std::string many = head + small;
  for (int i = 0; i < 100; ++i) many += "," + small;
  EXPECT_EQ("", List(many + "]}", Kind::kPod, limits).Problem());
  EXPECT_EQ("one object or value is larger than 200 bytes (byte 270)",
            List(head + small + "," + large + "]}", Kind::kPod, limits).Problem());
}

// As deep as Go's reader goes and deeper: nobody else's object is lost for it.
TEST(DecodeList, WhatIsNotReadIsPassedOverAtAnyDepth) {
  const std::pair<const char*, Kind> kinds[] = {{"PodList", Kind::kPod},
                                                {"NamespaceList", Kind::kNamespace},
                                                {"NetworkPolicyList", Kind::kNetworkPolicy}};
  for (const int depth : {61, 62, 10'000, 100'000}) {
    const std::string deep = std::string(depth, '[') + std::string(depth, ']');
    for (const auto& [name, kind] : kinds) {
      std::string text = R"({"kind":")";
      text.append(name).append(R"(","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b",)");
      text.append(R"("managedFields":[{"fieldsV1":)").append(deep);
      text.append(R"(}]}},{"metadata":{"name":"c"}}]})");
      const Page page = List(text, kind);
      EXPECT_EQ("", page.Problem());
      EXPECT_EQ(3u, page.items.size());
      for (const Decoded& item : page.items) EXPECT_TRUE(item.object.has_value()) << depth;
    }
  }
}

TEST(DecodeList, AFieldOfAPolicyThatNestsDeeplyBreaksThatPolicyAlone) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const Page page =
      List(R"({"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[)"
           R"({"metadata":{"name":"a"},"spec":{"podSelector":{},"ingress":)" +
               deep + R"(}},{"metadata":{"name":"b"},"spec":{"podSelector":{}}}]})",
           Kind::kNetworkPolicy);
  EXPECT_EQ("", page.Problem());
  ASSERT_EQ(2u, page.items.size());
  EXPECT_FALSE(page.items[0].diagnostics.empty());
  EXPECT_TRUE(page.items[1].diagnostics.empty());
}

TEST(DecodeWatchEvent, ObjectsOfEachKind) {
  const WatchEvent pod =
      Event(R"({"type":"ADDED","object":)" + std::string(kPod) + "}\n", Kind::kPod);
  EXPECT_EQ(WatchEvent::Type::kAdded, pod.type);
  EXPECT_EQ("7", pod.resource_version);
  EXPECT_EQ((ObjectKey{"x", "a"}), std::get<Pod>(*pod.decoded.object).key);
  const WatchEvent policy = Event(R"({"object":)" + std::string(kPolicy) + R"(,"type":"MODIFIED"})",
                                  Kind::kNetworkPolicy);
  EXPECT_EQ(WatchEvent::Type::kModified, policy.type);
  EXPECT_EQ(1u, std::get<NetworkPolicy>(*policy.decoded.object).ingress.size());
  const WatchEvent gone = Event(
      R"({"type":"DELETED","object":{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"x"}}})",
      Kind::kNamespace);
  EXPECT_EQ(WatchEvent::Type::kDeleted, gone.type);
  EXPECT_EQ("x", std::get<Namespace>(*gone.decoded.object).name);
}

TEST(DecodeWatchEvent, BookmarksAndErrorsInAnyOrder) {
  const std::string bookmark =
      R"({"kind":"Pod","metadata":{"resourceVersion":"12","annotations":{"k8s.io/initial-events-end":"true"},)"
      R"("creationTimestamp":null},"spec":{"containers":null},"status":{},"apiVersion":"v1"})";
  const std::string status =
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version",)"
      R"("reason":"Expired","code":410})";
  for (const bool type_first : {true, false}) {
    const auto make = [&](const std::string& type, const std::string& object) {
      return type_first ? R"({"type":")" + type + R"(","object":)" + object + "}"
                        : R"({"object":)" + object + R"(,"type":")" + type + R"("})";
    };
    const WatchEvent mark = Event(make("BOOKMARK", bookmark), Kind::kPod);
    EXPECT_EQ(WatchEvent::Type::kBookmark, mark.type);
    EXPECT_EQ("12", mark.resource_version);
    EXPECT_TRUE(mark.initial_events_end);
    EXPECT_FALSE(mark.decoded.object);
    EXPECT_TRUE(mark.decoded.diagnostics.empty());
    const WatchEvent error = Event(make("ERROR", status), Kind::kPod);
    EXPECT_EQ(WatchEvent::Type::kError, error.type);
    EXPECT_EQ(410, error.status_code);
    EXPECT_EQ("Expired", error.status_reason);
    EXPECT_EQ("too old resource version", error.status_message);
  }
  EXPECT_FALSE(
      Event(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}})", Kind::kPod)
          .initial_events_end);
}

TEST(DecodeWatchEvent, WhatIsNoEvent) {
  EXPECT_EQ(
      "must be a watch event of type ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, found \"added\"",
      EventProblem(R"({"type":"added","object":{}})", Kind::kPod));
  EXPECT_EQ("must be a watch event of type ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, found \"\"",
            EventProblem("{}", Kind::kPod));
  EXPECT_EQ("the watch event has no object", EventProblem(R"({"type":"ADDED"})", Kind::kPod));
  EXPECT_EQ("the watch event has no object",
            EventProblem(R"({"type":"ADDED","object":null})", Kind::kPod));
  EXPECT_EQ("not valid JSON: invalid literal (byte 0)", EventProblem("garbage", Kind::kPod));
  EXPECT_EQ("not valid JSON: invalid string: ill-formed UTF-8 byte (byte 11)",
            EventProblem("{\"type\":\"AD\xff\"}", Kind::kPod));
  EXPECT_EQ("not valid JSON: there is a NUL byte (byte 7)",
            EventProblem(std::string_view("{\"type\"\0:1}", 11), Kind::kPod));
}

TEST(DecodeWatchEvent, AnObjectThatCannotBeNamedIsReported) {
  const WatchEvent event = Event(
      R"({"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"x"}}})",
      Kind::kPod);
  EXPECT_FALSE(event.decoded.object);
  EXPECT_EQ("pod x/?: metadata.name: missing; expected a name",
            event.decoded.diagnostics.at(0).ToString());
}

TEST(DecodeWatchEvent, CutOffAnywhere) {
  for (const char* object : {kPod, kPolicy}) {
    const std::string event = R"({"type":"ADDED","object":)" + std::string(object) + "}";
    for (std::size_t length = 0; length < event.size(); ++length) {
      const std::string cut = event.substr(0, length);
      EXPECT_NE("", EventProblem(cut, Kind::kPod)) << length;
      EXPECT_NE("", EventProblem(cut, Kind::kNetworkPolicy)) << length;
    }
  }
}

TEST(DecodeWatchEvent, APolicyOfTooManyValuesDeniesAll) {
  DecodeLimits limits;
  limits.policy_nodes = 100;
  std::string rules;
  for (int i = 0; i < 100; ++i) rules += i == 0 ? "{}" : ",{}";
  const auto event = DecodeWatchEvent(
      R"({"type":"ADDED","object":{"kind":"NetworkPolicy","apiVersion":"networking.k8s.io/v1","metadata":{"name":"p",)"
      R"("namespace":"x"},"spec":{"podSelector":{"matchLabels":{"app":"a"}},"ingress":[)" +
          rules + "]}}}",
      Kind::kNetworkPolicy, limits);
  const auto& policy = std::get<NetworkPolicy>(*std::get<WatchEvent>(event).decoded.object);
  EXPECT_EQ("networkpolicy x/p: spec: has more values than a NetworkPolicy may have",
            policy.errors.at(0).ToString());
  EXPECT_TRUE(policy.pods.requirements.empty());
  EXPECT_TRUE(policy.ingress.empty());
  EXPECT_TRUE(policy.isolates_ingress && policy.isolates_egress);
}

TEST(DecodeStatus, BodiesOfAnswers) {
  const auto status = DecodeStatus(
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"slow down",)"
      R"("reason":"TooManyRequests","details":{"retryAfterSeconds":3},"code":429})");
  ASSERT_TRUE(status);
  EXPECT_EQ(429, status->code);
  EXPECT_EQ("TooManyRequests", status->reason);
  EXPECT_EQ("slow down", status->message);
  EXPECT_EQ(3, status->retry_after_seconds);
  EXPECT_FALSE(DecodeStatus(""));
  EXPECT_FALSE(DecodeStatus("<html>"));
  EXPECT_FALSE(DecodeStatus("{}"));
  EXPECT_FALSE(DecodeStatus(kPod));
  EXPECT_EQ(
      0, DecodeStatus(R"({"kind":"Status","code":-5,"details":{"retryAfterSeconds":-1}})")->code);
}

}  // namespace
}  // namespace podgate::compiler
