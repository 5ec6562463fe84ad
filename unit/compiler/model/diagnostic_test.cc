// The one line that a user sees.

#include "compiler/model/diagnostic.h"

#include <gtest/gtest.h>

namespace podgate::compiler {
namespace {

TEST(Diagnostic, FullForm) {
  Diagnostic d;
  d.file = "np.yaml";
  d.line = 12;
  d.column = 9;
  d.object = "networkpolicy default/web";
  d.field = "spec.ingress[0].ports[1].endPort";
  d.message = "must be a number";
  EXPECT_EQ(
      "np.yaml:12:9: networkpolicy default/web: spec.ingress[0].ports[1].endPort: must be a number",
      d.ToString());
  d.severity = Diagnostic::Severity::kWarning;
  EXPECT_EQ(
      "np.yaml:12:9: networkpolicy default/web: spec.ingress[0].ports[1].endPort: warning: must be "
      "a "
      "number",
      d.ToString());
}

TEST(Diagnostic, EmptyPartsAreLeftOut) {
  Diagnostic d;
  d.message = std::string("m");
  EXPECT_EQ("m", d.ToString());
  d.object = "pod x/a";
  EXPECT_EQ("pod x/a: m", d.ToString());
  d.file = std::string("f");
  EXPECT_EQ("f: pod x/a: m", d.ToString());
  d.line = 3;
  EXPECT_EQ("f:3: pod x/a: m", d.ToString());
  d.object.clear();
  d.field = "spec";
  d.column = 1;
  EXPECT_EQ("f:3:1: spec: m", d.ToString());
}

TEST(Diagnostic, ControlCharactersAreEscapedEverywhere) {
  Diagnostic d;
  d.file = "a\nb";
  d.object = "pod \x1b[31mx";
  d.message = std::string("t\t\r\x7f") + '\0' + "\xc2\x9b" + "\xc3\xa9";
  EXPECT_EQ("a\\nb: pod \\x1b[31mx: t\\t\\r\\x7f\\x00\\u009b\xc3\xa9", d.ToString());
}

}  // namespace
}  // namespace podgate::compiler
