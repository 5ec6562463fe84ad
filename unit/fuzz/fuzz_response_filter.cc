// Fuzzes the guard between TLS and the HTTP client. The first byte says how the rest is cut. What
// must hold: the split decides nothing; what is passed on is HTTP with small chunks only.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "controller/transport/response_filter.h"

namespace {

using podgate::controller::ResponseFilter;

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

struct Passed {
  bool fine = true;
  std::string head;
  std::string body;
  bool ended = false;
};

// Reads what the guard wrote, strictly: it is all of our making.
Passed Read(const std::string& out, bool fine) {
  Passed passed;
  passed.fine = fine;
  const auto head_end = out.find("\r\n\r\n");
  if (head_end == std::string::npos) {
    Require(out.empty(), "a head is passed on as a whole");
    return passed;
  }
  passed.head = out.substr(0, head_end + 4);
  Require(passed.head.size() < 200, "heads are short");
  std::size_t at = head_end + 4;
  while (at < out.size()) {
    Require(!passed.ended, "nothing follows the last chunk");
    char* stop = nullptr;
    const std::size_t length = std::strtoul(out.c_str() + at, &stop, 16);
    Require(length <= ResponseFilter::kMaxPieceBytes, "chunks are small");
    at = static_cast<std::size_t>(stop - out.c_str()) + 2;
    Require(at + length + 2 <= out.size(), "chunks are whole");
    passed.body.append(out, at, length);
    at += length;
    Require(out.compare(at, 2, "\r\n") == 0, "chunks have their end");
    at += 2;
    passed.ended = length == 0;
  }
  return passed;
}

Passed Feed(std::string_view bytes, std::size_t piece) {
  ResponseFilter guard;
  std::string out;
  bool fine = true;
  while (fine && !bytes.empty()) {
    fine = guard.Feed(bytes.substr(0, piece), &out);
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  Require(fine == guard.problem().empty(), "a broken rule is named");
  return Read(out, fine);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Passed whole = Feed(bytes, bytes.size() + 1);
  const Passed cut = Feed(bytes, data[0] % 16 + 1);
  Require(whole.fine == cut.fine, "the split does not decide");
  Require(whole.head == cut.head, "the split does not change the head");
  Require(whole.body == cut.body, "the split does not change the body");
  Require(whole.ended == cut.ended, "the split does not change the end");
  return 0;
}
