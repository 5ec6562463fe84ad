// The filter passes every honest answer on, at any split of its bytes, and stops what would hurt
// the client.
#include "controller/transport/response_filter.h"

#include <gtest/gtest.h>

namespace podgate::controller {
namespace {

constexpr const char* kChunkedHead =
    "HTTP/1.1 200 -\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Fed {
  bool fine = true;
  std::string out;
  std::string problem;
};

Fed Feed(const std::string& bytes, std::size_t piece = 0, bool finish = false) {
  ResponseFilter filter;
  Fed fed;
  for (std::size_t at = 0; at < bytes.size() && fed.fine; at += piece == 0 ? bytes.size() : piece) {
    fed.fine = filter.Feed(
        std::string_view(bytes).substr(at, piece == 0 ? std::string::npos : piece), &fed.out);
  }
  if (finish) filter.Finish(&fed.out);
  fed.problem = filter.problem();
  return fed;
}

// Undoes the filter's chunks.
std::string BodyOf(const std::string& out, bool* ended) {
  std::string body;
  *ended = false;
  std::size_t at = out.find("\r\n\r\n") + 4;
  while (at < out.size() && !*ended) {
    const std::size_t length = std::stoul(out.substr(at), nullptr, 16);
    at = out.find("\r\n", at) + 2;
    body += out.substr(at, length);
    *ended = length == 0;
    at += length + 2;
  }
  return body;
}

TEST(ResponseFilter, PassesEveryFramingOnAtAnySplit) {
  const struct {
    const char* name;
    std::string answer;
    bool ends;  // without the connection's end
  } kCases[] = {
      {"chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n "
       "\r\n5\r\nworld\r\n0\r\n\r\n",
       true},
      {"chunked with trailer",
       "HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\n\r\nB\r\nhello world\r\n0\r\nX: y\r\n\r\n",
       true},
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", true},
      {"length, and more than that",
       "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello worldHTTP/1.1", true},
      {"to the end", "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello world", false},
      {"after an interim answer",
       "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello "
       "world",
       true},
      {"chunked wins over a length",
       "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello "
       "world\r\n0\r\n\r\n",
       true},
  };
  for (const auto& c : kCases) {
    for (std::size_t piece = 0; piece <= c.answer.size(); ++piece) {
      Fed fed = Feed(c.answer, piece);
      ASSERT_TRUE(fed.fine) << c.name << " " << piece << ": " << fed.problem;
      EXPECT_EQ(fed.out.rfind(kChunkedHead, 0), 0U) << c.name << ": " << fed.out;
      bool ended = false;
      EXPECT_EQ(BodyOf(fed.out, &ended), "hello world") << c.name << " " << piece;
      EXPECT_EQ(ended, c.ends) << c.name << " " << piece;
    }
    bool ended = false;
    BodyOf(Feed(c.answer, 0, true).out, &ended);
    EXPECT_TRUE(ended) << c.name;
  }
}

TEST(ResponseFilter, PassesNothingOnTwice) {
  // A body that is cut off does not get an end of our making, nor one that said how long it is.
  for (const char* torn : {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
                           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}) {
    bool ended = true;
    EXPECT_EQ(BodyOf(Feed(torn, 0, true).out, &ended), "hel");
    EXPECT_FALSE(ended);
  }
  EXPECT_EQ(Feed("HTTP/1.1 200 OK\r\nCont", 0, true).out, "");
}

TEST(ResponseFilter, KeepsOnlyTheStatusAndThePause) {
  EXPECT_EQ(
      Feed("HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nSet-Cookie: x\r\nContent-Length: 0\r\n\r\n")
          .out,
      "HTTP/1.1 429 -\r\nConnection: close\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(Feed("HTTP/1.1 302 Found\r\nLocation: https://evil\r\nContent-Length: 0\r\n\r\n").out,
            "HTTP/1.1 302 -\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(
      Feed("HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 1999\r\nContent-Length: 0\r\n\r\n").out,
      "HTTP/1.1 503 -\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(Feed("HTTP/1.1 204 No Content\r\n\r\n").out,
            "HTTP/1.1 204 -\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

TEST(ResponseFilter, ALargeChunkComesThroughInSmallOnes) {
  ResponseFilter filter;
  std::string out;
  ASSERT_TRUE(filter.Feed(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", &out));
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 16; ++i) {
    out.clear();
    ASSERT_TRUE(filter.Feed(piece, &out));
    // Nothing is kept back, and no chunk is longer than the limit.
    EXPECT_EQ(out.size(), (piece.size() / ResponseFilter::kMaxPieceBytes) *
                              (ResponseFilter::kMaxPieceBytes + 8));
  }
}

TEST(ResponseFilter, StopsWhatBreaksTheRules) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const struct {
    std::string answer;
    const char* problem;
  } kCases[] = {
      {"SSH-2.0-OpenSSH\r\n\r\n", "the answer is not HTTP/1"},
      {"HTTP/2 200\r\n\r\n", "the answer is not HTTP/1"},
      {"HTTP/1.1 2000 OK\r\n\r\n", "the answer is not HTTP/1"},
      {"HTTP/1.1 -20 OK\r\n\r\n", "the answer is not HTTP/1"},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x'),
       "the head of the answer is longer than 65536 bytes"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n", "the answer has no valid length"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
       "the answer has no valid length"},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
       "the answer is compressed, which was not asked for"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
       "the answer has an unknown transfer encoding"},
      {chunked + "-2\r\n", "a chunk has no valid length"},
      {chunked + "\r\n", "a chunk has no valid length"},
      {chunked + "zz\r\n", "a chunk has no valid length"},
      {chunked + "10000000000000000\r\n", "a chunk has no valid length"},
      {chunked + std::string(300, '0'), "a chunk's length line is too long"},
      {chunked + "1\r\nabc", "a chunk is longer than its length says"},
      {chunked + "0\r\n" + std::string(9000, 'x'), "a trailer is too long"},
  };
  for (const auto& c : kCases) {
    for (const std::size_t piece : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
      const Fed fed = Feed(c.answer, piece);
      EXPECT_FALSE(fed.fine) << c.problem;
      EXPECT_EQ(fed.problem, c.problem);
    }
  }
}

}  // namespace
}  // namespace podgate::controller
