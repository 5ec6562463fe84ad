// What is wrong with objects and documents as such, to the byte: one case a problem, with its
// place, its object and the API's own field path. Each of them an API server refuses as well, or
// kubectl does.

#include <gtest/gtest.h>

#include <string>

#include "compiler/load/load_text.h"
#include "unit/compiler/load/load_helpers.h"

namespace podgate::compiler {
namespace {

using test::BadText;
using test::Messages;

const BadText kCases[] = {
    {"NameMissing",
     "apiVersion: networking.k8s.io/v1\n"
     "kind: NetworkPolicy\n"
     "metadata: {}\n",
     "f:1:1: networkpolicy default/?: metadata.name: missing; expected a name\n"},
    {"MetadataMissing",
     "apiVersion: v1\n"
     "kind: Pod\n",
     "f:1:1: pod default/?: metadata.name: missing; expected a name\n"},
    {"GenerateName",
     "apiVersion: networking.k8s.io/v1\n"
     "kind: NetworkPolicy\n"
     "metadata: {generateName: web-}\n",
     "f:1:1: networkpolicy default/?: metadata.name: missing; generateName is not enough here, "
     "expected a name\n"},
    {"NameBadSyntax",
     "apiVersion: networking.k8s.io/v1\n"
     "kind: NetworkPolicy\n"
     "metadata: {name: Web_1}\n",
     "f:3:18: networkpolicy default/Web_1: metadata.name: must consist of lower case letters, "
     "digits, '-' and '.', and each part between dots must start and end with a letter or digit, "
     "found \"Web_1\"\n"},
    {"NamespaceBadSyntax",
     "apiVersion: networking.k8s.io/v1\n"
     "kind: NetworkPolicy\n"
     "metadata: {name: web, namespace: a.b}\n",
     "f:3:34: networkpolicy a.b/web: metadata.namespace: must consist of lower case letters, "
     "digits and '-', and must start and end with a letter or digit, found \"a.b\"\n"},
    {"NamespaceObjectBadName",
     "apiVersion: v1\n"
     "kind: Namespace\n"
     "metadata: {name: a.b}\n",
     "f:3:18: namespace a.b: metadata.name: must consist of lower case letters, digits and '-', "
     "and must start and end with a letter or digit, found \"a.b\"\n"},
    {"NameIsANumber",
     "apiVersion: networking.k8s.io/v1\n"
     "kind: NetworkPolicy\n"
     "metadata: {name: 1}\n",
     "f:3:18: networkpolicy default/?: metadata.name: must be a string, found the number 1\n"},
    {"UnknownMetadataField",
     "apiVersion: networking.k8s.io/v1\n"
     "kind: NetworkPolicy\n"
     "metadata: {name: web, label: {}}\n",
     "f:3:23: networkpolicy default/web: metadata.label: unknown field\n"},
    {"AnnotationIsANumber",
     "apiVersion: networking.k8s.io/v1\n"
     "kind: NetworkPolicy\n"
     "metadata: {name: web, annotations: {a: 1}}\n",
     "f:3:40: networkpolicy default/web: metadata.annotations: the value of \"a\" must be a string "
     "(put it in quotes), found the number 1\n"},
    {"OldApiVersion",
     "apiVersion: extensions/v1beta1\n"
     "kind: NetworkPolicy\n"
     "metadata: {name: web}\n",
     "f:1:1: networkpolicy default/web: apiVersion: extensions/v1beta1 was removed in Kubernetes "
     "1.16; expected networking.k8s.io/v1\n"},
    {"UnknownVersion",
     "apiVersion: networking.k8s.io/v2\n"
     "kind: NetworkPolicy\n"
     "metadata: {name: web}\n",
     "f:1:1: networkpolicy default/web: apiVersion: must be networking.k8s.io/v1 for the kind "
     "NetworkPolicy, found \"networking.k8s.io/v2\"\n"},
    {"PodOfWrongVersion",
     "apiVersion: apps/v1\n"
     "kind: Pod\n"
     "metadata: {name: web}\n",
     "f:1:1: pod default/web: apiVersion: must be v1 for the kind Pod, found \"apps/v1\"\n"},
    {"KindMissing",
     "apiVersion: v1\n"
     "metadata: {name: web}\n",
     "f:1:1: kind: missing; every object needs apiVersion and kind\n"},
    {"ApiVersionMissing",
     "kind: Pod\n"
     "metadata: {name: web}\n",
     "f:1:1: pod default/web: apiVersion: missing; every object needs apiVersion and kind\n"},
    {"KindInLowerCase",
     "apiVersion: networking.k8s.io/v1\n"
     "kind: Networkpolicy\n"
     "metadata: {name: web}\n",
     "f:2:1: networkpolicy default/?: kind: must be written NetworkPolicy, found "
     "\"Networkpolicy\"\n"},
    {"KindIsANumber",
     "apiVersion: v1\n"
     "kind: 1\n",
     "f:2:7: kind: must be a string, found the number 1\n"},
    {"PodLabelIsANumber",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x, labels: {v: 1.10}}\n",
     "f:3:47: pod x/a: metadata.labels: the value of label \"v\" must be a string (put it in "
     "quotes), found the number 1.10\n"},
    {"PodLabelBadSyntax",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x, labels: {v: a b}}\n",
     "f:3:44: pod x/a: metadata.labels: the label value \"a b\" must be empty or consist of "
     "letters, digits, '-', '_' and '.', and must start and end with a letter or digit\n"},
    {"PodLabelTwice",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x, labels: {v: a, v: b}}\n",
     "f:3:50: pod x/a: metadata.labels: the label \"v\" is given more than once; expected one\n"},
    {"PodLabelsIsAList",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x, labels: [v]}\n",
     "f:3:43: pod x/a: metadata.labels: must be an object, found a list\n"},
    {"PodIpIsBad",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "status: {podIP: 10.0.0.300}\n",
     "f:4:17: pod x/a: status.podIP: must be an IP address, found \"10.0.0.300\"\n"},
    {"PodIpsEntryIsBad",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "status: {podIPs: [{ip: 10.0.0.1}, {ip: nonsense}]}\n",
     "f:4:40: pod x/a: status.podIPs[1].ip: must be an IP address, found \"nonsense\"\n"},
    {"PodIpsIsAString",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "status: {podIPs: 10.0.0.1}\n",
     "f:4:18: pod x/a: status.podIPs: must be a list, found the string \"10.0.0.1\"\n"},
    {"HostNetworkIsAString",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "spec: {hostNetwork: \"true\"}\n",
     "f:4:21: pod x/a: spec.hostNetwork: must be true or false, found the string \"true\"\n"},
    {"NodeNameIsANumber",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "spec: {nodeName: 1}\n",
     "f:4:18: pod x/a: spec.nodeName: must be a string, found the number 1\n"},
    {"ContainerPortTooLarge",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "spec:\n"
     "  containers:\n"
     "  - name: c\n"
     "    ports:\n"
     "    - {name: http, containerPort: 70000}\n",
     "f:8:35: pod x/a: spec.containers[0].ports[0].containerPort: must be from 1 to 65535, found "
     "70000\n"},
    {"ContainerPortMissing",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "spec:\n"
     "  containers:\n"
     "  - name: c\n"
     "    ports:\n"
     "    - {name: http}\n",
     "f:8:7: pod x/a: spec.containers[0].ports[0].containerPort: missing; expected a port "
     "number\n"},
    {"ContainerPortIsAString",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "spec:\n"
     "  containers:\n"
     "  - name: c\n"
     "    ports:\n"
     "    - {name: http, containerPort: \"80\"}\n",
     "f:8:35: pod x/a: spec.containers[0].ports[0].containerPort: must be a whole number, found "
     "the string \"80\"\n"},
    {"ContainerProtocolIsBad",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "spec:\n"
     "  containers:\n"
     "  - name: c\n"
     "    ports:\n"
     "    - {name: http, containerPort: 80, protocol: tcp}\n",
     "f:8:49: pod x/a: spec.containers[0].ports[0].protocol: must be TCP, UDP or SCTP, found "
     "\"tcp\"\n"},
    {"ContainersIsAnObject",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "spec: {containers: {}}\n",
     "f:4:20: pod x/a: spec.containers: must be a list, found an object\n"},
    {"PodKindTwice",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata: {name: a, namespace: x}\n"
     "kind: Pod\n",
     "f:4:1: pod x/a: kind: given more than once; expected one\n"},
    {"TextIsAString", "hello\n",
     "f:1:1: must be an object with apiVersion and kind, found the string \"hello\"\n"},
    {"TextIsAList", "- a\n", "f:1:1: must be an object, found a list\n"},
    {"TextIsANumber", "{\"a\"", "f:1:5: not valid JSON: the text ends in the middle of a value\n"},
    {"JsonCutOff", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\"",
     "f:1:61: not valid JSON: the text ends in the middle of a value\n"},
    {"JsonTrailingComma", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\",}",
     "f:1:1: pod default/?: metadata.name: missing; expected a name\n"},
    {"JsonBadLiteral", "{\"apiVersion\": \"v1\", \"kind\": Pod$, \"x\": [}",
     "f:1:30: not valid JSON: invalid literal\n"},
    {"YamlTab",
     "a:\n"
     "\tb: 1\n",
     "f:2:1: not valid YAML: tab character may not be used as indentation\n"},
    {"YamlOpenQuote", "apiVersion: \"v1\n",
     "f:1:14: not valid YAML: double-quoted scalar without closing quote\n"},
    {"YamlNul", std::string_view("a: b\0\n", 6),
     "f:1:5: not valid YAML: there is a control character, byte 0x00\n"},
    {"YamlControl", "a: \001\n",
     "f:1:4: not valid YAML: there is a control character, byte 0x01\n"},
    {"YamlTwoColons", "a: b: c\n",
     "f:1:5: not valid YAML: invalid nested block mapping on the same line\n"},
    {"YamlAliasUnknown", "a: *b\n", "f:1:4: the alias \"b\" has no anchor before it\n"},
    {"YamlAliasOfItself", "a: &b [*b]\n",
     "f:1:8: the alias \"b\" refers to a node that holds it, or that is too large\n"},
    {"YamlMergeOfAString", "<<: a\n",
     "f:1:5: the merge key << needs a mapping or a list of mappings\n"},
    {"YamlMergeAfterKey",
     "a: 1\n"
     "<<: {a: 2}\n",
     "f:2:6: the key \"a\" is given before the merge key << that gives it too; write << first\n"},
    {"YamlNullKey", "~: a\n", "f:1:1: a key must be a string, found null\n"},
    {"YamlListAsKey",
     "? [a]\n"
     ": b\n",
     "f:1:3: a key must be a string, found a list or an object\n"},
    {"YamlBinary", "a: !!binary aGk=\n", "f:1:13: \"aGk=\" is not what its tag says\n"},
    {"YamlWrongTag", "a: !!int b\n", "f:1:10: \"b\" is not what its tag says\n"},
    {"YamlSecondDocumentGoesOn",
     "a: 1\n"
     "} b\n",
     "f:2:1: not valid YAML: flow mapping with invalid extra closing brace\n"},
    {"ItemsIsAnObject",
     "apiVersion: v1\n"
     "kind: List\n"
     "items: {}\n",
     "f:3:8: items: must be a list, found an object\n"},
    {"ItemIsAString",
     "apiVersion: v1\n"
     "kind: List\n"
     "items: [a]\n",
     "f:3:9: items: must be an object, found the string \"a\"\n"},
    {"ItemWithoutKind",
     "apiVersion: v1\n"
     "kind: List\n"
     "items:\n"
     "- metadata: {name: a}\n",
     "f:4:3: kind: missing; every object needs apiVersion and kind\n"},
    {"ListWithoutKind", "items: []\n",
     "f:1:1: kind: missing; every object needs apiVersion and kind\n"},
    {"PolicyWithItems",
     "apiVersion: networking.k8s.io/v1\n"
     "items: []\n"
     "kind: NetworkPolicy\n"
     "metadata: {name: web}\n",
     "f:3:1: kind: must be a list's kind, since there are items, found \"NetworkPolicy\"\n"},
};

class BadObject : public testing::TestWithParam<BadText> {};

TEST_P(BadObject, SaysWhatWhereAndWhatWasExpected) {
  EXPECT_EQ(GetParam().messages, Messages(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(All, BadObject, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace podgate::compiler
