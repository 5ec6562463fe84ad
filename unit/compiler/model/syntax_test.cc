#include "compiler/model/syntax.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <functional>
#include <string>

namespace podgate::compiler {
namespace {

// All texts of up to `length` characters that differ to the API's patterns, and some that nobody
// expects.
void ForEachText(std::size_t length, const std::function<void(const std::string&)>& look,
                 const std::string& begin = std::string()) {
  look(begin);
  if (begin.size() == length) return;
  for (const char c : {'a', '0', 'A', '-', '.', '_', '\n', '\0'})
    ForEachText(length, look, begin + c);
}

bool Is(const std::string& text, const re2::RE2& pattern) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

// The patterns of apimachinery's validation, as the API documents them.
TEST(Syntax, IsThatOfTheApi) {
  const re2::RE2 label("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
  const re2::RE2 subdomain("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  const re2::RE2 name("[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?");
  const re2::RE2 port("[a-z0-9]+(-[a-z0-9]+)*");
  ForEachText(5, [&](const std::string& text) {
    EXPECT_EQ(Is(text, label), !CheckDnsLabel(text)) << text;
    EXPECT_EQ(Is(text, subdomain), !CheckSubdomain(text)) << text;
    EXPECT_EQ(Is(text, name), !CheckLabelKey(text)) << text;
    EXPECT_EQ(Is(text, name) || text.empty(), !CheckLabelValue(text)) << text;
    EXPECT_EQ(Is(text, port) && text.find('a') != std::string::npos, !CheckPortName(text)) << text;
  });
}

TEST(Syntax, APrefixOfALabelKeyIsASubdomain) {
  EXPECT_FALSE(CheckLabelKey("example.com/name"));
  EXPECT_TRUE(CheckLabelKey("Example.com/name"));
  EXPECT_FALSE(CheckAnnotationKey("Example.com/name"));
  EXPECT_TRUE(CheckLabelKey("/name"));
  EXPECT_TRUE(CheckLabelKey("example.com/"));
  EXPECT_TRUE(CheckLabelKey("a/b/c"));
}

}  // namespace
}  // namespace podgate::compiler
