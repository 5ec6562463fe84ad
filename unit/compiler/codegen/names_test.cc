#include "compiler/codegen/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nft/model/ruleset.h"

namespace podgate::compiler {
namespace {

using testing::MatchesRegex;
using testing::StartsWith;

TEST(Names, HashIsTheStartOfSha256) {
  EXPECT_EQ(Hash32(""), "e3b0c44298fc1c149afbf4c8996fb924");     // FIPS 180-4's empty message
  EXPECT_EQ(Hash32("abc"), "ba7816bf8f01cfea414140de5dae2223");  // and its "abc"
}

TEST(Names, PartsAreToldApart) {
  const auto joined = [](std::initializer_list<const char*> parts) {
    std::string content;
    for (const char* part : parts) AppendPart(&content, part);
    return content;
  };
  EXPECT_NE(joined({"a", "bc"}), joined({"ab", "c"}));
  EXPECT_NE(joined({"a", ""}), joined({"", "a"}));
  EXPECT_NE(joined({"1:a"}), joined({"a"}));
  EXPECT_NE(joined({"a1:b"}), joined({"a", "b"}));
}

TEST(Names, WhatFitsStandsAsItIs) {
  EXPECT_EQ(PlainName("in-", "default/web-1.0", "x", 255), "in-default/web-1.0");
  EXPECT_EQ(PlainName("in-", "abc", "x", 6), "in-abc");
}

TEST(Names, WhatDoesNotFitEndsInAHashOfTheWhole) {
  const std::string text = "default/" + std::string(253, 'a');
  const std::string name = PlainName("in-class-", text, text, nft::kMaxNameBytes);
  EXPECT_EQ(name.size(), nft::kMaxNameBytes);
  EXPECT_THAT(name, MatchesRegex("in-class-default/a*_[0-9a-f]{32}"));
  // Names that differ only where they are cut stay different.
  std::string other = text;
  other.back() = 'b';
  EXPECT_NE(name, PlainName("in-class-", other, other, nft::kMaxNameBytes));
}

TEST(Names, OddCharactersBecomeDashesAndAreHashed) {
  EXPECT_THAT(PlainName("in-", "a b\"c\n", "1", 255), MatchesRegex("in-a-b-c_[0-9a-f]{32}"));
  EXPECT_NE(PlainName("in-", "a b", "a b", 255), PlainName("in-", "a_b", "a_b", 255));
  // An underscore is what hashed names are known by, so it never stays.
  EXPECT_THAT(PlainName("in-", "a_b", "1", 255), StartsWith("in-a-b_"));
  EXPECT_THAT(HashedName("peers4-", "app in (a,b) in ns", "1", 40),
              MatchesRegex("peers4-app-in-a-b-in-ns_[0-9a-f]{32}"));
  EXPECT_THAT(HashedName("x-", "((", "1", 40), MatchesRegex("x-_[0-9a-f]{32}"));
}

TEST(Names, CommentsKeepTheirTail) {
  EXPECT_EQ(Comment("default/web", " ingress[0]"), "default/web ingress[0]");
  const std::string comment = Comment(std::string(300, 'a'), " ingress[17]");
  EXPECT_EQ(comment.size(), nft::kMaxCommentBytes);
  EXPECT_EQ(comment, std::string(113, 'a') + "... ingress[17]");
  EXPECT_EQ(Comment(std::string(128, 'a')), std::string(128, 'a'));
}

TEST(Names, CommentsHoldNothingThatNftCannotQuote) {
  EXPECT_EQ(Comment("a\"b\\c\nd\xc3\xa9"), "a?b?c?d??");
}

}  // namespace
}  // namespace podgate::compiler
