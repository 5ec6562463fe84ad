#include "controller/transport/response_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace podgate::controller {
namespace {

constexpr std::size_t kMaxChunkLineBytes = 256;
constexpr std::size_t kMaxTrailerBytes = 8 * 1024;
constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

std::string Lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::optional<std::uint64_t> ParseNumber(std::string_view digits, int base) {
  std::uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, base);
  if (digits.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// What we use of a head.
struct Head {
  std::string problem;
  std::uint64_t status = 0;
  bool chunked = false;
  std::optional<std::uint64_t> length;
  std::string retry_after;
};

Head ParseHead(std::string_view text) {
  Head head;
  const auto fail = [&head](const char* problem) {
    head.problem = problem;
    return head;
  };
  for (bool first = true; !text.empty(); first = false) {
    const auto end = text.find('\n');
    const std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (first) {  // "HTTP/1.1 200 OK"
      const auto status = line.size() >= 12 ? ParseNumber(line.substr(9, 3), 10) : std::nullopt;
      const bool valid = line.substr(0, 7) == "HTTP/1." && status && *status >= 100 &&
                         *status <= 599 && line[8] == ' ' && (line.size() == 12 || line[12] == ' ');
      if (!valid) return fail("the answer is not HTTP/1");
      head.status = *status;
      continue;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = Lower(Trim(line.substr(0, colon)));
    const std::string value = Lower(Trim(line.substr(colon + 1)));
    if (name == "transfer-encoding" && value != "identity") {
      if (value != "chunked") return fail("the answer has an unknown transfer encoding");
      head.chunked = true;
    } else if (name == "content-encoding" && value != "identity") {
      return fail("the answer is compressed, which was not asked for");
    } else if (name == "content-length") {
      const auto length = ParseNumber(value, 10);
      if (!length || (head.length && *head.length != *length))
        return fail("the answer has no valid length");
      head.length = length;
    } else if (name == "retry-after" && value.size() <= 5 && ParseNumber(value, 10)) {
      head.retry_after = value;
    }
  }
  return head;
}

}  // namespace

bool ResponseFilter::Break(std::string problem) {
  problem_ = std::move(problem);
  state_ = State::kBroken;
  return false;
}

bool ResponseFilter::Feed(std::string_view bytes, std::string* out) {
  bool fine = state_ != State::kBroken;
  while (fine && !bytes.empty()) {
    switch (state_) {
      case State::kHead:
        fine = TakeHead(&bytes, out);
        break;
      case State::kBody:
        Pass(&bytes, out);
        if (left_ == 0) {
          out->append(kLastChunk);
          state_ = State::kEnd;
        }
        break;
      case State::kBodyToClose:
        left_ = bytes.size();
        Pass(&bytes, out);
        break;
      case State::kChunkLength:
        fine = TakeChunkLength(&bytes);
        break;
      case State::kChunk:
        Pass(&bytes, out);
        if (left_ == 0) state_ = State::kChunkEnd;
        break;
      case State::kChunkEnd:
        fine = TakeChunkEnd(&bytes);
        break;
      case State::kTrailer:
        fine = TakeTrailer(&bytes, out);
        break;
      case State::kEnd:
        return true;  // one answer for each connection: what follows it is nobody's
      case State::kBroken:
        return false;
    }
  }
  return fine;
}

void ResponseFilter::Finish(std::string* out) {
  if (state_ != State::kBodyToClose) return;
  out->append(kLastChunk);
  state_ = State::kEnd;
}

void ResponseFilter::Pass(std::string_view* bytes, std::string* out) {
  const std::size_t size =
      static_cast<std::size_t>(std::min<std::uint64_t>({left_, bytes->size(), kMaxPieceBytes}));
  fmt::format_to(std::back_inserter(*out), "{:x}\r\n", size);
  out->append(bytes->substr(0, size));
  out->append("\r\n");
  bytes->remove_prefix(size);
  left_ -= size;
}

bool ResponseFilter::TakeHead(std::string_view* bytes, std::string* out) {
  // The empty line may lie across two pieces: look for it from three bytes before the new ones.
  const std::size_t known = line_.size();
  const std::string_view taken = bytes->substr(0, kMaxHeadBytes - known);
  line_.append(taken);
  const auto end = line_.find("\r\n\r\n", known < 3 ? 0 : known - 3);
  if (end == std::string::npos) {
    bytes->remove_prefix(taken.size());
    if (line_.size() < kMaxHeadBytes) return true;
    return Break(fmt::format("the head of the answer is longer than {} bytes", kMaxHeadBytes));
  }
  bytes->remove_prefix(end + 4 - known);
  line_.resize(end + 2);
  const Head head = ParseHead(line_);
  line_.clear();
  line_.shrink_to_fit();
  if (!head.problem.empty()) return Break(head.problem);
  if (head.status < 200) return true;  // an interim answer: the real one follows

  const bool empty =
      head.status == 204 || head.status == 304 || (!head.chunked && head.length == 0);
  // Nothing of the server's own head reaches cpprestsdk but the status and the pause it asks for.
  fmt::format_to(std::back_inserter(*out), "HTTP/1.1 {} -\r\nConnection: close\r\n", head.status);
  if (!head.retry_after.empty())
    fmt::format_to(std::back_inserter(*out), "Retry-After: {}\r\n", head.retry_after);
  out->append(empty ? "Content-Length: 0\r\n\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
  left_ = head.length.value_or(0);
  state_ = empty          ? State::kEnd
           : head.chunked ? State::kChunkLength
           : head.length  ? State::kBody
                          : State::kBodyToClose;
  return true;
}

bool ResponseFilter::TakeLine(std::string_view* bytes, std::size_t limit, bool* whole) {
  const auto end = bytes->find('\n');
  *whole = end != std::string_view::npos;
  line_.append(bytes->substr(0, std::min(end, limit + 1)));
  bytes->remove_prefix(*whole ? end + 1 : bytes->size());
  return line_.size() <= limit;
}

bool ResponseFilter::TakeChunkLength(std::string_view* bytes) {
  bool whole = false;
  if (!TakeLine(bytes, kMaxChunkLineBytes, &whole))
    return Break("a chunk's length line is too long");
  if (!whole) return true;
  // Extensions after ';' mean nothing to us.
  const auto length = ParseNumber(Trim(std::string_view(line_).substr(0, line_.find(';'))), 16);
  if (!length) return Break("a chunk has no valid length");
  line_.clear();
  left_ = *length;
  state_ = left_ == 0 ? State::kTrailer : State::kChunk;
  return true;
}

bool ResponseFilter::TakeChunkEnd(std::string_view* bytes) {
  const std::size_t wanted = std::min<std::size_t>(2 - line_.size(), bytes->size());
  line_.append(bytes->substr(0, wanted));
  bytes->remove_prefix(wanted);
  if (line_.size() < 2) return true;
  if (line_ != "\r\n") return Break("a chunk is longer than its length says");
  line_.clear();
  state_ = State::kChunkLength;
  return true;
}

bool ResponseFilter::TakeTrailer(std::string_view* bytes, std::string* out) {
  bool whole = false;
  if (!TakeLine(bytes, kMaxTrailerBytes, &whole)) return Break("a trailer is too long");
  if (!whole) return true;
  const bool last = Trim(line_).empty();
  line_.clear();
  if (!last) return true;
  out->append(kLastChunk);
  state_ = State::kEnd;
  return true;
}

}  // namespace podgate::controller
