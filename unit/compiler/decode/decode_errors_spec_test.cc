// What is wrong with the rules and ports of policies, to the byte: one case a problem, with its
// place, its object and the API's own field path. Each of them an API server refuses as well.

#include <gtest/gtest.h>

#include <string>

#include "compiler/load/load_text.h"
#include "unit/compiler/load/load_helpers.h"

namespace podgate::compiler {
namespace {

using test::BadText;
using test::Messages;

const BadText kCases[] = {
    {"SpecIsAList", TEST_POLICY "spec: []\n",
     "f:6:7: networkpolicy x/web: spec: must be an object, found a list\n"},
    {"SpecIsAString", TEST_POLICY "spec: all\n",
     "f:6:7: networkpolicy x/web: spec: must be an object, found the string \"all\"\n"},
    {"UnknownSpecField",
     TEST_POLICY "spec:\n"
                 "  ingres: []\n",
     "f:7:3: networkpolicy x/web: spec.ingres: unknown field; expected podSelector, ingress, "
     "egress or policyTypes\n"},
    {"SpecFieldInOtherCase",
     TEST_POLICY "spec:\n"
                 "  PodSelector: {}\n",
     "f:7:3: networkpolicy x/web: spec.PodSelector: unknown field; it is written podSelector\n"},
    {"SpecFieldTwice",
     TEST_POLICY "spec:\n"
                 "  ingress: []\n"
                 "  ingress: []\n",
     "f:8:3: networkpolicy x/web: spec.ingress: given more than once; expected one\n"},
    {"UnknownTopLevelField", TEST_POLICY "specs: {}\n",
     "f:6:1: networkpolicy x/web: specs: unknown field; expected apiVersion, kind, metadata, spec "
     "or status\n"},
    {"TopLevelInOtherCase", TEST_POLICY "Spec: {}\n",
     "f:6:1: networkpolicy x/web: Spec: unknown field; it is written spec\n"},
    {"IngressIsAnObject",
     TEST_POLICY "spec:\n"
                 "  ingress: {}\n",
     "f:7:12: networkpolicy x/web: spec.ingress: must be a list of rules, found an object\n"},
    {"EgressIsAString",
     TEST_POLICY "spec:\n"
                 "  egress: all\n",
     "f:7:11: networkpolicy x/web: spec.egress: must be a list of rules, found the string "
     "\"all\"\n"},
    {"RuleIsAString",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - all\n",
     "f:8:5: networkpolicy x/web: spec.ingress[0]: must be an object, found the string \"all\"\n"},
    {"FromInEgress",
     TEST_POLICY "spec:\n"
                 "  egress:\n"
                 "  - from: []\n",
     "f:8:5: networkpolicy x/web: spec.egress[0].from: unknown field; expected to or ports\n"},
    {"ToInIngress",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - to: []\n",
     "f:8:5: networkpolicy x/web: spec.ingress[0].to: unknown field; expected from or ports\n"},
    {"MisspeltFrom",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - form: []\n",
     "f:8:5: networkpolicy x/web: spec.ingress[0].form: unknown field; expected from or ports\n"},
    {"FromInCapitals",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - From: []\n",
     "f:8:5: networkpolicy x/web: spec.ingress[0].From: unknown field; it is written from\n"},
    {"FromIsAnObject",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: {podSelector: {}}\n",
     "f:8:11: networkpolicy x/web: spec.ingress[0].from: must be a list of peers, found an "
     "object\n"},
    {"PortsIsANumber",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: 80\n",
     "f:8:12: networkpolicy x/web: spec.ingress[0].ports: must be a list of ports, found the "
     "number 80\n"},
    {"PortsIsAnObject",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: {port: 80}\n",
     "f:8:12: networkpolicy x/web: spec.ingress[0].ports: must be a list of ports, found an "
     "object\n"},
    {"PolicyTypesIsAString",
     TEST_POLICY "spec:\n"
                 "  policyTypes: Ingress\n",
     "f:7:16: networkpolicy x/web: spec.policyTypes: must be a list of Ingress and Egress, found "
     "the string \"Ingress\"\n"},
    {"PolicyTypeInLowerCase",
     TEST_POLICY "spec:\n"
                 "  policyTypes: [ingress]\n",
     "f:7:17: networkpolicy x/web: spec.policyTypes[0]: must be Ingress or Egress, found "
     "\"ingress\"\n"},
    {"PolicyTypeIsNull",
     TEST_POLICY "spec:\n"
                 "  policyTypes: [null]\n",
     "f:7:17: networkpolicy x/web: spec.policyTypes[0]: must be Ingress or Egress, found \"\"\n"},
    {"PolicyTypeIsANumber",
     TEST_POLICY "spec:\n"
                 "  policyTypes: [1]\n",
     "f:7:17: networkpolicy x/web: spec.policyTypes[0]: must be Ingress or Egress, found the "
     "number 1\n"},
    {"ThreePolicyTypes",
     TEST_POLICY "spec:\n"
                 "  policyTypes: [Ingress, Egress, Ingress]\n",
     "f:7:16: networkpolicy x/web: spec.policyTypes: must have at most two entries, has 3\n"},
    {"PortIsZero",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: 0}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be from 1 to 65535, found "
     "0\n"},
    {"PortIsNegative",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: -1}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be from 1 to 65535, found "
     "-1\n"},
    {"PortIsTooLarge",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: 65536}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be from 1 to 65535, found "
     "65536\n"},
    {"PortIsVeryLarge",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: 99999999999999999999}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a whole number from 1 to "
     "65535, found the number 99999999999999999999\n"},
    {"PortHasAFraction",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: 80.5}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a whole number from 1 to "
     "65535, found the number 80.5\n"},
    {"PortIsABool",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: yes}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a whole number from 1 to "
     "65535, found the boolean true\n"},
    {"PortIsAnObject",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: {}}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a whole number from 1 to "
     "65535, found an object\n"},
    {"PortIsAQuotedNumber",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: \"80\"}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a number from 1 to 65535 "
     "without quotes, or a port name of lower case letters, digits and single '-' inside, with at "
     "least one letter, found \"80\"\n"},
    {"PortNameIsEmpty",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: \"\"}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a number from 1 to 65535 "
     "without quotes, or a port name of lower case letters, digits and single '-' inside, with at "
     "least one letter, found \"\"\n"},
    {"PortNameInCapitals",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: HTTP}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a number from 1 to 65535 "
     "without quotes, or a port name of lower case letters, digits and single '-' inside, with at "
     "least one letter, found \"HTTP\"\n"},
    {"PortNameTooLong",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: abcdefghijklmnop}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: the port name "
     "\"abcdefghijklmnop\" must have at most 15 characters, has 16\n"},
    {"PortNameWithTwoHyphens",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: a--b}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a number from 1 to 65535 "
     "without quotes, or a port name of lower case letters, digits and single '-' inside, with at "
     "least one letter, found \"a--b\"\n"},
    {"PortNameBeginsWithHyphen",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: \"-a\"}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a number from 1 to 65535 "
     "without quotes, or a port name of lower case letters, digits and single '-' inside, with at "
     "least one letter, found \"-a\"\n"},
    {"PortNameEndsWithHyphen",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: a-}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a number from 1 to 65535 "
     "without quotes, or a port name of lower case letters, digits and single '-' inside, with at "
     "least one letter, found \"a-\"\n"},
    {"PortNameWithUnderscore",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: a_b}]\n",
     "f:8:20: networkpolicy x/web: spec.ingress[0].ports[0].port: must be a number from 1 to 65535 "
     "without quotes, or a port name of lower case letters, digits and single '-' inside, with at "
     "least one letter, found \"a_b\"\n"},
    {"EndPortBelowPort",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: 80, endPort: 79}]\n",
     "f:8:33: networkpolicy x/web: spec.ingress[0].ports[0].endPort: must be at least port, which "
     "is 80, found 79\n"},
    {"EndPortTooLarge",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: 80, endPort: 65536}]\n",
     "f:8:33: networkpolicy x/web: spec.ingress[0].ports[0].endPort: must be from 1 to 65535, "
     "found 65536\n"},
    {"EndPortIsAString",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: 80, endPort: \"90\"}]\n",
     "f:8:33: networkpolicy x/web: spec.ingress[0].ports[0].endPort: must be a whole number from 1 "
     "to 65535, found the string \"90\"\n"},
    {"EndPortWithoutPort",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{endPort: 80}]\n",
     "f:8:23: networkpolicy x/web: spec.ingress[0].ports[0].endPort: must be absent when port is "
     "absent\n"},
    {"EndPortWithNamedPort",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{port: http, endPort: 80}]\n",
     "f:8:35: networkpolicy x/web: spec.ingress[0].ports[0].endPort: must be absent when port is a "
     "name\n"},
    {"ProtocolInLowerCase",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{protocol: tcp}]\n",
     "f:8:24: networkpolicy x/web: spec.ingress[0].ports[0].protocol: must be TCP, UDP or SCTP, "
     "found \"tcp\"\n"},
    {"ProtocolIsEmpty",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{protocol: \"\"}]\n",
     "f:8:24: networkpolicy x/web: spec.ingress[0].ports[0].protocol: must be TCP, UDP or SCTP, "
     "found \"\"\n"},
    {"ProtocolIcmp",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{protocol: ICMP}]\n",
     "f:8:24: networkpolicy x/web: spec.ingress[0].ports[0].protocol: must be TCP, UDP or SCTP, "
     "found \"ICMP\"\n"},
    {"ProtocolIsANumber",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{protocol: 6}]\n",
     "f:8:24: networkpolicy x/web: spec.ingress[0].ports[0].protocol: must be TCP, UDP or SCTP, "
     "found the number 6\n"},
    {"UnknownPortField",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [{ports: 80}]\n",
     "f:8:14: networkpolicy x/web: spec.ingress[0].ports[0].ports: unknown field; expected "
     "protocol, port or endPort\n"},
    {"PortIsNoObject",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - ports: [80]\n",
     "f:8:13: networkpolicy x/web: spec.ingress[0].ports[0]: must be an object, found the number "
     "80\n"},
};

class BadSpec : public testing::TestWithParam<BadText> {};

TEST_P(BadSpec, SaysWhatWhereAndWhatWasExpected) {
  EXPECT_EQ(GetParam().messages, Messages(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(All, BadSpec, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace podgate::compiler
