// The text forms of flows, and explain's JSON.

#include "compiler/reference/flow_query_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/compiler/support/world.h"

namespace podgate::compiler {
namespace {

using test::At;
using testing::HasSubstr;

TEST(ParseEndpointName, Forms) {
  std::string error;
  EXPECT_EQ(ParseEndpointName("default/web-0", &error),
            EndpointName(ObjectKey{"default", "web-0"}));
  EXPECT_EQ(ParseEndpointName("default/web.a.b", &error),
            EndpointName(ObjectKey{"default", "web.a.b"}));
  EXPECT_EQ(ParseEndpointName("ip:10.0.0.1", &error), EndpointName(At("10.0.0.1")));
  EXPECT_EQ(ParseEndpointName("ip:fd00::1", &error), EndpointName(At("fd00::1")));
  EXPECT_EQ(ParseEndpointName("ip:[fd00::1]", &error), EndpointName(At("fd00::1")));
  EXPECT_EQ(ParseEndpointName("ip:::", &error), EndpointName(At("::")));
  EXPECT_EQ(ParseEndpointName("node:worker-1.example.com", &error),
            EndpointName(NodeName{"worker-1.example.com"}));
  EXPECT_EQ(error, "");
}

TEST(ParseEndpointName, RefusesAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "\"\" is not an endpoint"},
      {"web", "\"web\" is not an endpoint: expected NAMESPACE/POD, ip:ADDRESS or node:NAME"},
      {"/web", "is not an endpoint"},
      {"default/", "is not an endpoint"},
      {"default/a/b", "is not an endpoint"},
      {"Default/web", "is not an endpoint"},
      {"default/we b", "is not an endpoint"},
      {"10.0.0.1", "is not an endpoint"},
      {"ip:10.0.0", "\"10.0.0\" is not an IPv4 or IPv6 address"},
      {"ip:10.0.0.01", "is not an IPv4 or IPv6 address"},
      {"ip:", "is not an IPv4 or IPv6 address"},
      {"ip:[fd00::1", "is not an IPv4 or IPv6 address"},
      {"ip:fe80::1%eth0", "is not an IPv4 or IPv6 address"},
      {"node:", "is not the name of a node"},
      {"node:a/b", "is not the name of a node"},
      {"\x1b[31m/web", "\"?[31m/web\" is not an endpoint"},
  };
  for (const auto& [text, message] : cases) {
    std::string error;
    EXPECT_EQ(ParseEndpointName(text, &error), std::nullopt) << text;
    EXPECT_THAT(error, HasSubstr(message)) << text;
  }
  std::string error;
  EXPECT_EQ(ParseEndpointName(std::string(100'000, 'x'), &error), std::nullopt);
  EXPECT_LT(error.size(), 300u);
}

struct TargetCase {
  const char* text;
  EndpointName to;
  FlowProtocol protocol;
  std::uint16_t port;
};

TEST(ParseTarget, Forms) {
  const ObjectKey web{"default", "web"};
  const NodeName node{"n1"};
  const TargetCase cases[] = {
      {"default/web:80", web, FlowProtocol::kTcp, 80},
      {"default/web:80/tcp", web, FlowProtocol::kTcp, 80},
      {"default/web:65535/UDP", web, FlowProtocol::kUdp, 65535},
      {"default/web:1/Sctp", web, FlowProtocol::kSctp, 1},
      {"default/web/icmp", web, FlowProtocol::kIcmp, 0},
      {"default/web:/icmp", web, FlowProtocol::kIcmp, 0},
      {"default/web:7/ICMP", web, FlowProtocol::kIcmp, 0},
      {"default/icmp:80", ObjectKey{"default", "icmp"}, FlowProtocol::kTcp, 80},
      {"ip:10.0.0.1:80", At("10.0.0.1"), FlowProtocol::kTcp, 80},
      {"ip:10.0.0.1:80/udp", At("10.0.0.1"), FlowProtocol::kUdp, 80},
      {"ip:10.0.0.1/icmp", At("10.0.0.1"), FlowProtocol::kIcmp, 0},
      {"ip:[10.0.0.1]:80", At("10.0.0.1"), FlowProtocol::kTcp, 80},
      {"ip:[fd00::1]:80/udp", At("fd00::1"), FlowProtocol::kUdp, 80},
      {"ip:[fd00::1]/icmp", At("fd00::1"), FlowProtocol::kIcmp, 0},
      {"ip:fd00::1/icmp", At("fd00::1"), FlowProtocol::kIcmp, 0},
      {"node:n1:10250", node, FlowProtocol::kTcp, 10250},
      {"node:n1/icmp", node, FlowProtocol::kIcmp, 0},
  };
  for (const TargetCase& c : cases) {
    FlowQuery query;
    std::string error;
    ASSERT_TRUE(ParseTarget(c.text, &query, &error)) << c.text << ": " << error;
    EXPECT_EQ(query.to, c.to) << c.text;
    EXPECT_EQ(query.protocol, c.protocol) << c.text;
    EXPECT_EQ(query.port, c.port) << c.text;
  }
}

TEST(ParseTarget, RefusesAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"default/web", "\"default/web\" has no port"},
      {"default/icmp", "has no port"},
      {"default/web/tcp", "has no port"},
      {"node:n1", "has no port"},
      {"ip:fd00::1:80", "has no port"},  // this is the address fd00::1:80
      {"default/web:0", "\"0\" is not a port: expected a number from 1 to 65535"},
      {"default/web:65536", "is not a port"},
      {"default/web:99999999999999999999", "is not a port"},
      {"default/web:-1", "is not a port"},
      {"default/web:+80", "is not a port"},
      {"default/web: 80", "is not a port"},
      {"default/web:80x", "is not a port"},
      {"default/web:http", "is not a port"},
      {"default/web:", "is not a port"},
      {"default/web:80/", "\"/\" is not a protocol: expected /tcp, /udp, /sctp or /icmp"},
      {"default/web:80/icmp6", "is not a protocol"},
      {"default/web:80/tcp/udp", "is not a protocol"},
      {"ip:[fd00::1]80", "is not a protocol"},
      {"ip:[fd00::1:80", "is not an IPv4 or IPv6 address"},
      {"ip:10.0.0.256:80", "\"10.0.0.256\" is not an IPv4 or IPv6 address"},
      {"ip:nonsense", "is not an IPv4 or IPv6 address"},
      {"web:80", "\"web\" is not an endpoint"},
      {"", "is not an endpoint"},
  };
  for (const auto& [text, message] : cases) {
    FlowQuery query;
    std::string error;
    EXPECT_FALSE(ParseTarget(text, &query, &error)) << text;
    EXPECT_THAT(error, HasSubstr(message)) << text;
  }
}

TEST(ParseFlowQuery, TwoWords) {
  std::string error;
  const std::optional<FlowQuery> query =
      ParseFlowQuery("  default/a\tip:[fd00::1]:53/udp \r\n", &error);
  ASSERT_TRUE(query) << error;
  EXPECT_EQ(query->from, EndpointName(ObjectKey{"default", "a"}));
  EXPECT_EQ(query->to, EndpointName(At("fd00::1")));
  EXPECT_EQ(query->protocol, FlowProtocol::kUdp);
  EXPECT_EQ(query->port, 53);
  EXPECT_EQ(query->family, std::nullopt);

  for (const char* line : {"", " ", "default/a", "default/a default/b:80 default/c:80"}) {
    EXPECT_EQ(ParseFlowQuery(line, &error), std::nullopt) << line;
    EXPECT_THAT(error, HasSubstr("expected FROM TO:PORT/PROTO")) << line;
  }
  EXPECT_EQ(ParseFlowQuery("default/a default/b", &error), std::nullopt);
  EXPECT_THAT(error, HasSubstr("has no port"));
  EXPECT_EQ(ParseFlowQuery("a default/b:80", &error), std::nullopt);
  EXPECT_THAT(error, HasSubstr("is not an endpoint"));
}

TEST(EndToString, IsWhatParseEndReads) {
  for (const char* text : {"default/web", "ip:10.0.0.1", "ip:fd00::1", "node:n1"}) {
    std::string error;
    EXPECT_EQ(ToString(ParseEndpointName(text, &error).value()), text);
  }
}

TEST(ToJson, KeysInOrder) {
  std::string error;
  const FlowQuery query = ParseFlowQuery("default/a default/b:80", &error).value();
  FlowAnswer answer;
  answer.family = Family::kIPv4;
  answer.reason = "because";
  answer.egress.reason = "no policy";
  answer.ingress.applies = true;
  answer.ingress.isolating = {{"default", "p"}, {"default", "q"}};
  answer.ingress.policy = ObjectKey{"default", "q"};
  answer.ingress.rule = 3;
  answer.ingress.reason = "because";
  EXPECT_EQ(ToJson(query, answer),
            R"({"from":"default/a","to":"default/b","port":80,"protocol":"TCP","family":"ipv4",)"
            R"("verdict":"allow","reason":"because",)"
            R"("egress":{"applies":false,"verdict":"allow","isolatedBy":[],"reason":"no policy"},)"
            R"("ingress":{"applies":true,"verdict":"allow","isolatedBy":["default/p","default/q"],)"
            R"("policy":"default/q","direction":"ingress","index":3,"reason":"because"}})");
}

TEST(ToJson, IcmpHasNoPortAndAFamilyMayBeUnknown) {
  std::string error;
  const FlowQuery query = ParseFlowQuery("ip:10.0.0.1 default/b/icmp", &error).value();
  FlowAnswer answer;
  answer.allowed = false;
  EXPECT_THAT(ToJson(query, answer),
              HasSubstr(R"("port":null,"protocol":"ICMP","family":null,"verdict":"deny")"));
}

}  // namespace
}  // namespace podgate::compiler
