// What is wrong with the peers and selectors of policies, to the byte: one case a problem, with its
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
    {"PeerIsEmpty",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{}]\n",
     "f:8:12: networkpolicy x/web: spec.ingress[0].from[0]: must have one of podSelector, "
     "namespaceSelector and ipBlock\n"},
    {"PeerIsNull",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [null]\n",
     "f:8:12: networkpolicy x/web: spec.ingress[0].from[0]: must have one of podSelector, "
     "namespaceSelector and ipBlock\n"},
    {"PeerIsAString",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [web]\n",
     "f:8:12: networkpolicy x/web: spec.ingress[0].from[0]: must be an object, found the string "
     "\"web\"\n"},
    {"PeerHasUnknownField",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{podSelectors: {}}]\n",
     "f:8:13: networkpolicy x/web: spec.ingress[0].from[0].podSelectors: unknown field; expected "
     "podSelector, namespaceSelector or ipBlock\n"},
    {"PeerWithBlockAndSelector",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]\n",
     "f:8:13: networkpolicy x/web: spec.ingress[0].from[0]: must not have ipBlock together with "
     "podSelector or namespaceSelector\n"},
    {"PeerFieldTwice",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{podSelector: {}, podSelector: {}}]\n",
     "f:8:30: networkpolicy x/web: spec.ingress[0].from[0].podSelector: given more than once; "
     "expected one\n"},
    {"BlockIsAString",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: 10.0.0.0/8}]\n",
     "f:8:22: networkpolicy x/web: spec.ingress[0].from[0].ipBlock: must be an object, found the "
     "string \"10.0.0.0/8\"\n"},
    {"BlockWithoutCidr",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {}}]\n",
     "f:8:22: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: missing; expected an "
     "address block such as 10.0.0.0/8 or 2001:db8::/64\n"},
    {"CidrIsEmpty",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: \"\"}}]\n",
     "f:8:29: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: must be an address block "
     "such as 10.0.0.0/8 or 2001:db8::/64, found \"\"\n"},
    {"CidrIsAnAddress",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.1}}]\n",
     "f:8:29: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: must be an address block "
     "such as 10.0.0.0/8 or 2001:db8::/64, found \"10.0.0.1\"\n"},
    {"CidrLengthTooLarge",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.0/33}}]\n",
     "f:8:29: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: must be an address block "
     "such as 10.0.0.0/8 or 2001:db8::/64, found \"10.0.0.0/33\"\n"},
    {"CidrLengthMissing",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.0/}}]\n",
     "f:8:29: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: must be an address block "
     "such as 10.0.0.0/8 or 2001:db8::/64, found \"10.0.0.0/\"\n"},
    {"CidrIPv6LengthTooLarge",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: \"fd00::/129\"}}]\n",
     "f:8:29: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: must be an address block "
     "such as 10.0.0.0/8 or 2001:db8::/64, found \"fd00::/129\"\n"},
    {"CidrWithZone",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: \"fe80::1%eth0/64\"}}]\n",
     "f:8:29: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: must be an address block "
     "such as 10.0.0.0/8 or 2001:db8::/64, found \"fe80::1%eth0/64\"\n"},
    {"CidrIsAHost",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: example.com/24}}]\n",
     "f:8:29: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: must be an address block "
     "such as 10.0.0.0/8 or 2001:db8::/64, found \"example.com/24\"\n"},
    {"CidrIsANumber",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10}}]\n",
     "f:8:29: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: must be an address block "
     "such as 10.0.0.0/8 or 2001:db8::/64, found the number 10\n"},
    {"CidrWithSpace",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: \" 10.0.0.0/8\"}}]\n",
     "f:8:29: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.cidr: must be an address block "
     "such as 10.0.0.0/8 or 2001:db8::/64, found \" 10.0.0.0/8\"\n"},
    {"ExceptIsAString",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: 10.1.0.0/16}}]\n",
     "f:8:49: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.except: must be a list of "
     "address blocks, found the string \"10.1.0.0/16\"\n"},
    {"ExceptOutside",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]\n",
     "f:8:50: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.except[0]: must lie within cidr "
     "10.0.0.0/8 and be smaller than it, found 11.0.0.0/16\n"},
    {"ExceptEqual",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]\n",
     "f:8:50: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.except[0]: must lie within cidr "
     "10.0.0.0/8 and be smaller than it, found 10.0.0.0/8\n"},
    {"ExceptLarger",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.1.0.0/16, except: [10.0.0.0/8]}}]\n",
     "f:8:51: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.except[0]: must lie within cidr "
     "10.1.0.0/16 and be smaller than it, found 10.0.0.0/8\n"},
    {"ExceptOfOtherFamily",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [\"fd00::/64\"]}}]\n",
     "f:8:50: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.except[0]: must lie within cidr "
     "10.0.0.0/8 and be smaller than it, found fd00::/64\n"},
    {"ExceptIsBad",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, nonsense]}}]\n",
     "f:8:63: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.except[1]: must be an address "
     "block such as 10.0.0.0/8 or 2001:db8::/64, found \"nonsense\"\n"},
    {"UnknownBlockField",
     TEST_POLICY "spec:\n"
                 "  ingress:\n"
                 "  - from: [{ipBlock: {cidr: 10.0.0.0/8, excepts: []}}]\n",
     "f:8:41: networkpolicy x/web: spec.ingress[0].from[0].ipBlock.excepts: unknown field; "
     "expected cidr or except\n"},
    {"SelectorIsAString",
     TEST_POLICY "spec:\n"
                 "  podSelector: web\n",
     "f:7:16: networkpolicy x/web: spec.podSelector: must be an object, found the string "
     "\"web\"\n"},
    {"SelectorIsAList",
     TEST_POLICY "spec:\n"
                 "  podSelector: []\n",
     "f:7:16: networkpolicy x/web: spec.podSelector: must be an object, found a list\n"},
    {"UnknownSelectorField",
     TEST_POLICY "spec:\n"
                 "  podSelector: {app: web}\n",
     "f:7:17: networkpolicy x/web: spec.podSelector.app: unknown field; expected matchLabels or "
     "matchExpressions\n"},
    {"SelectorFieldInOtherCase",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchlabels: {}}\n",
     "f:7:17: networkpolicy x/web: spec.podSelector.matchlabels: unknown field; it is written "
     "matchLabels\n"},
    {"MatchLabelsIsAList",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: [app]}\n",
     "f:7:30: networkpolicy x/web: spec.podSelector.matchLabels: must be an object of labels, "
     "found a list\n"},
    {"LabelValueIsANumber",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {app: 1}}\n",
     "f:7:36: networkpolicy x/web: spec.podSelector.matchLabels: the value of label \"app\" must "
     "be a string (put it in quotes), found the number 1\n"},
    {"LabelValueIsABool",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {app: yes}}\n",
     "f:7:36: networkpolicy x/web: spec.podSelector.matchLabels: the value of label \"app\" must "
     "be a string (put it in quotes), found the boolean true\n"},
    {"LabelValueIsAnObject",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {app: {a: b}}}\n",
     "f:7:36: networkpolicy x/web: spec.podSelector.matchLabels: the value of label \"app\" must "
     "be a string (put it in quotes), found an object\n"},
    {"LabelValueBadSyntax",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {app: -web}}\n",
     "f:7:36: networkpolicy x/web: spec.podSelector.matchLabels: the label value \"-web\" must be "
     "empty or consist of letters, digits, '-', '_' and '.', and must start and end with a letter "
     "or digit\n"},
    {"LabelValueTooLong",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {app: "
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}\n",
     "f:7:36: networkpolicy x/web: spec.podSelector.matchLabels: the label value "
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" must have at most 63 "
     "characters, has 64\n"},
    {"LabelKeyBadSyntax",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {app_: web}}\n",
     "f:7:31: networkpolicy x/web: spec.podSelector.matchLabels: the label key \"app_\" is not "
     "valid: its name must consist of letters, digits, '-', '_' and '.', and must start and end "
     "with a letter or digit\n"},
    {"LabelKeyTooLong",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: "
                 "{kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk: web}}\n",
     "f:7:31: networkpolicy x/web: spec.podSelector.matchLabels: the label key "
     "\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\" is not valid: its name "
     "must have at most 63 characters, has 64\n"},
    {"LabelKeyBadPrefix",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {Example.com/app: web}}\n",
     "f:7:31: networkpolicy x/web: spec.podSelector.matchLabels: the label key \"Example.com/app\" "
     "is not valid: its prefix must consist of lower case letters, digits, '-' and '.', and each "
     "part between dots must start and end with a letter or digit, found \"Example.com\"\n"},
    {"LabelKeyEmptyPrefix",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {/app: web}}\n",
     "f:7:31: networkpolicy x/web: spec.podSelector.matchLabels: the label key \"/app\" is not "
     "valid: its prefix must consist of lower case letters, digits, '-' and '.', and each part "
     "between dots must start and end with a letter or digit, found \"\"\n"},
    {"LabelKeyTwoSlashes",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {a/b/c: web}}\n",
     "f:7:31: networkpolicy x/web: spec.podSelector.matchLabels: the label key \"a/b/c\" is not "
     "valid: its name must consist of letters, digits, '-', '_' and '.', and must start and end "
     "with a letter or digit\n"},
    {"LabelTwice",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchLabels: {app: a, app: b}}\n",
     "f:7:39: networkpolicy x/web: spec.podSelector.matchLabels: the label \"app\" is given more "
     "than once; expected one\n"},
    {"ExpressionsIsAnObject",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: {key: app, operator: Exists}}\n",
     "f:7:35: networkpolicy x/web: spec.podSelector.matchExpressions: must be a list of "
     "requirements, found an object\n"},
    {"ExpressionIsAString",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [app]}\n",
     "f:7:36: networkpolicy x/web: spec.podSelector.matchExpressions[0]: must be an object, found "
     "the string \"app\"\n"},
    {"ExpressionEmpty",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{}]}\n",
     "f:7:36: networkpolicy x/web: spec.podSelector.matchExpressions[0].key: missing; expected a "
     "label key\n"
     "f:7:36: networkpolicy x/web: spec.podSelector.matchExpressions[0].operator: missing; "
     "expected In, NotIn, Exists or DoesNotExist\n"},
    {"ExpressionUnknownField",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: a, operator: Exists, value: b}]}\n",
     "f:7:63: networkpolicy x/web: spec.podSelector.matchExpressions[0].value: unknown field; "
     "expected key, operator or values\n"},
    {"OperatorUnknown",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: a, operator: Equals, values: [b]}]}\n",
     "f:7:55: networkpolicy x/web: spec.podSelector.matchExpressions[0].operator: must be In, "
     "NotIn, Exists or DoesNotExist, found \"Equals\"\n"},
    {"OperatorInLowerCase",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}\n",
     "f:7:55: networkpolicy x/web: spec.podSelector.matchExpressions[0].operator: must be In, "
     "NotIn, Exists or DoesNotExist, found \"in\"\n"},
    {"InWithoutValues",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: a, operator: In}]}\n",
     "f:7:36: networkpolicy x/web: spec.podSelector.matchExpressions[0].values: must have at least "
     "one value for the operators In and NotIn\n"},
    {"NotInWithNoValues",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}\n",
     "f:7:70: networkpolicy x/web: spec.podSelector.matchExpressions[0].values: must have at least "
     "one value for the operators In and NotIn\n"},
    {"ExistsWithValues",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}\n",
     "f:7:71: networkpolicy x/web: spec.podSelector.matchExpressions[0].values: must be absent for "
     "the operators Exists and DoesNotExist\n"},
    {"ValuesIsAString",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: a, operator: In, values: b}]}\n",
     "f:7:67: networkpolicy x/web: spec.podSelector.matchExpressions[0].values: must be a list of "
     "strings, found the string \"b\"\n"},
    {"ValueIsANumber",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: a, operator: In, values: [b, 1]}]}\n",
     "f:7:71: networkpolicy x/web: spec.podSelector.matchExpressions[0].values[1]: must be a "
     "string (put it in quotes), found the number 1\n"},
    {"ValueBadSyntax",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: a, operator: In, values: ['b c']}]}\n",
     "f:7:68: networkpolicy x/web: spec.podSelector.matchExpressions[0].values[0]: the label value "
     "\"b c\" must be empty or consist of letters, digits, '-', '_' and '.', and must start and "
     "end with a letter or digit\n"},
    {"ExpressionKeyIsBad",
     TEST_POLICY "spec:\n"
                 "  podSelector: {matchExpressions: [{key: 'a b', operator: Exists}]}\n",
     "f:7:42: networkpolicy x/web: spec.podSelector.matchExpressions[0].key: the label key \"a b\" "
     "is not valid: its name must consist of letters, digits, '-', '_' and '.', and must start and "
     "end with a letter or digit\n"},
};

class BadPeer : public testing::TestWithParam<BadText> {};

TEST_P(BadPeer, SaysWhatWhereAndWhatWasExpected) {
  EXPECT_EQ(GetParam().messages, Messages(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(All, BadPeer, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace podgate::compiler
