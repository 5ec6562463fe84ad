#include "controller/http/http_request.h"

#include <gtest/gtest.h>

namespace podgate::controller {
namespace {

using Progress = ParsedRequest::Progress;

int StatusOf(const std::string& bytes) {
  const ParsedRequest parsed = ParseRequest(bytes);
  return parsed.progress == Progress::kRefused ? parsed.status
         : parsed.progress == Progress::kDone  ? 200
                                               : 0;
}

TEST(HttpRequest, WhatProbesAndPrometheusSend) {
  const std::string request =
      "GET /readyz?verbose HTTP/1.1\r\nHost: 127.0.0.1:9099\r\nUser-Agent: kube-probe/1.32\r\n"
      "Accept: */*\r\nX-Odd:\r\nX-Bytes: \xc3\xa4\tb\r\nConnection: close\r\n\r\n";
  const ParsedRequest parsed = ParseRequest(request);
  ASSERT_EQ(parsed.progress, Progress::kDone);
  EXPECT_EQ(parsed.question.path, "/readyz");
  EXPECT_EQ(parsed.question.query, "verbose");
  EXPECT_FALSE(parsed.question.head_only);
  EXPECT_TRUE(ParseRequest("HEAD / HTTP/1.0\r\n\r\n").question.head_only);
  for (std::size_t i = 0; i < request.size(); ++i)
    EXPECT_EQ(StatusOf(request.substr(0, i)), 0) << i;
  EXPECT_EQ(StatusOf(request + "what follows"), 200);
}

TEST(HttpRequest, QueryNames) {
  const auto asks = [](const std::string& query) {
    HttpQuestion question;
    question.query = query;
    return question.Asks("verbose");
  };
  for (const char* query : {"verbose", "verbose=1", "a&verbose", "a=b&verbose=&c"})
    EXPECT_TRUE(asks(query)) << query;
  for (const char* query : {"", "verbos", "verbosely", "a=verbose", "&", "&&a"})
    EXPECT_FALSE(asks(query)) << query;
}

TEST(HttpRequest, Refusals) {
  const std::pair<const char*, int> cases[] = {
      {"POST / HTTP/1.1\r\n", 405},
      {"get / HTTP/1.1\r\n", 405},
      {"GET / HTTP/2.0\r\n", 505},
      {"GET / HTTP/1.1 \r\n", 400},
      {"GET /\r\n", 400},
      {"GET  HTTP/1.1\r\n", 400},
      {"GET / / HTTP/1.1\r\n", 400},
      {"GET http://elsewhere/ HTTP/1.1\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\n", 400},
      {"GET /\xc3\xa4 HTTP/1.1\r\n", 400},
      {"GET / HTTP/1.1\n", 400},
      {"GET / HTTP/1.1\r\nNo colon\r\n", 400},
      {"GET / HTTP/1.1\r\n: empty\r\n", 400},
      {"GET / HTTP/1.1\r\nA : space\r\n", 400},
      {"GET / HTTP/1.1\r\n folded: line\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\x01\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\rc\r\n", 400},
      {"\r\nGET / HTTP/1.1\r\n\r\n", 400},
      {"\x16\x03\x01", 400},
      {"\n", 400},
  };
  for (const auto& [bytes, status] : cases) EXPECT_EQ(StatusOf(bytes), status) << bytes;
  EXPECT_EQ(StatusOf(std::string("GET /\0 HTTP/1.1\r\n", 17)), 400);
}

TEST(HttpRequest, Length) {
  const std::string begin = "GET / HTTP/1.1\r\nA: ";
  std::string most = begin + std::string(kMaxRequestBytes - begin.size() - 4, 'x') + "\r\n\r\n";
  ASSERT_EQ(most.size(), kMaxRequestBytes);
  EXPECT_EQ(StatusOf(most), 200);
  EXPECT_EQ(StatusOf(most + "body"), 200);
  most.insert(begin.size(), 1, 'x');
  EXPECT_EQ(StatusOf(most), 431);
  EXPECT_EQ(StatusOf(std::string(kMaxRequestBytes, 'G')), 0);
  EXPECT_EQ(StatusOf(std::string(kMaxRequestBytes + 1, 'G')), 431);
}

}  // namespace
}  // namespace podgate::controller
