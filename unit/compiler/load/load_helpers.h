// Texts of manifests in tests, and what loading them says.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>

#include "compiler/load/load_text.h"

// The beginning of a policy's manifest; its spec begins in line 6.
#define TEST_POLICY                    \
  "apiVersion: networking.k8s.io/v1\n" \
  "kind: NetworkPolicy\n"              \
  "metadata:\n"                        \
  "  name: web\n"                      \
  "  namespace: x\n"

namespace podgate::compiler::test {

struct BadText {
  const char* name;
  std::string_view text;
  std::string messages;  // one a line
};
inline void PrintTo(const BadText& text, std::ostream* out) { *out << text.name; }

inline LoadResult Load(std::string_view text) {
  LoadResult result;
  LoadText(text, "f", &result);
  return result;
}

inline std::string Messages(const LoadResult& result) {
  std::string messages;
  for (const Diagnostic& diagnostic : result.diagnostics) messages += diagnostic.ToString() + "\n";
  return messages;
}
inline std::string Messages(std::string_view text) { return Messages(Load(text)); }

// The only policy, pod or namespace of a text that must be read without complaint.
inline NetworkPolicy OnlyPolicy(std::string_view text) {
  const LoadResult result = Load(text);
  EXPECT_EQ("", Messages(result));
  EXPECT_EQ(1u, result.cluster.policies.size()) << text;
  return result.cluster.policies.empty() ? NetworkPolicy()
                                         : result.cluster.policies.begin()->second;
}
inline Pod OnlyPod(std::string_view text) {
  const LoadResult result = Load(text);
  EXPECT_EQ("", Messages(result));
  EXPECT_EQ(1u, result.cluster.pods.size()) << text;
  return result.cluster.pods.empty() ? Pod() : result.cluster.pods.begin()->second;
}

}  // namespace podgate::compiler::test
