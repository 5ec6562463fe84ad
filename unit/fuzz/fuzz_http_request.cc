// Fuzzes the reader of requests. What must hold: a verdict never changes with what follows, and
// what is passed on is fit to be compared and printed.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "controller/http/http_request.h"

namespace {

using podgate::controller::ParsedRequest;
using podgate::controller::ParseRequest;
using Progress = ParsedRequest::Progress;

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

bool Printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ParsedRequest whole = ParseRequest(bytes);
  if (whole.progress == Progress::kDone) {
    Require(whole.question.path.starts_with('/'), "a path begins with a slash");
    Require(Printable(whole.question.path), "a path is printable");
    Require(Printable(whole.question.query), "a query is printable");
    Require(bytes.starts_with(whole.question.head_only ? "HEAD " : "GET "), "only two methods");
    (void)whole.question.Asks("verbose");
  } else if (whole.progress == Progress::kMore) {
    Require(size <= podgate::controller::kMaxRequestBytes, "no request is longer than its limit");
  } else {
    Require(whole.status >= 400 && whole.status < 600, "a refusal has a status");
  }
  // Some of its beginnings.
  for (std::size_t i = 0; i < size; i += 1 + size / 16) {
    const ParsedRequest part = ParseRequest(bytes.substr(0, i));
    if (part.progress == Progress::kMore) continue;
    Require(part.progress == whole.progress && part.status == whole.status,
            "what follows changes no verdict");
    Require(part.question.path == whole.question.path, "what follows changes no path");
  }
  return 0;
}
