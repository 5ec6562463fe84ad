// The metadata of a policy in somebody's file: what the API server's validation of object metadata
// refuses.

#include <gtest/gtest.h>

#include <string>

#include "compiler/load/load_text.h"

namespace podgate::compiler {
namespace {

std::string MessagesFor(const std::string& annotation) {
  LoadResult result;
  LoadText(
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  "
      "annotations:\n    " +
          annotation + "\nspec: {}\n",
      "f", &result);
  std::string messages;
  for (const Diagnostic& diagnostic : result.diagnostics) messages += diagnostic.ToString() + "\n";
  return messages;
}

TEST(DecodeMetadata, AnnotationKeysAreThoseOfLabelsWithAPrefixInAnyCase) {
  EXPECT_EQ("", MessagesFor("Example.COM/Some_Name: any text at all, é"));
  EXPECT_EQ("", MessagesFor("\"kubectl.kubernetes.io/last-applied-configuration\": \"{}\\n\""));
  for (const char* key : {"a b", "\"\"", "x/y/z", "a_b/c", "-a"}) {
    EXPECT_EQ(
        0u, MessagesFor(std::string(key) + ": x")
                .find("f:6:5: networkpolicy default/p: metadata.annotations: the annotation key "))
        << key << ": " << MessagesFor(std::string(key) + ": x");
  }
}

}  // namespace
}  // namespace podgate::compiler
