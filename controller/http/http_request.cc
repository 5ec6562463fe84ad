#include "controller/http/http_request.h"

#include <algorithm>

namespace podgate::controller {
namespace {

bool IsVisible(char c) { return c > ' ' && c < 0x7f; }

bool IsTokenCharacter(char c) {
  return IsVisible(c) && std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenCharacter);
}

// Bytes above 0x7f are allowed in values, control characters are not.
bool IsHeaderLine(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) return false;
  return std::all_of(line.begin() + static_cast<std::ptrdiff_t>(colon), line.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
  });
}

// 0, or the status to refuse it with.
int ReadRequestLine(std::string_view line, HttpQuestion* question) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return 400;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(method) || !version.starts_with("HTTP/")) return 400;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return 505;
  if (method != "GET" && method != "HEAD") return 405;
  if (!target.starts_with('/') || !std::all_of(target.begin(), target.end(), IsVisible)) return 400;
  const std::size_t mark = target.find('?');
  question->head_only = method == "HEAD";
  question->path = target.substr(0, mark);
  if (mark != std::string_view::npos) question->query = target.substr(mark + 1);
  return 0;
}

ParsedRequest Refused(int status) { return {ParsedRequest::Progress::kRefused, status, {}}; }

}  // namespace

bool HttpQuestion::Asks(std::string_view name) const {
  for (std::string_view left = query; !left.empty();) {
    const std::string_view item = left.substr(0, left.find('&'));
    if (item.substr(0, item.find('=')) == name) return true;
    left.remove_prefix(std::min(left.size(), item.size() + 1));
  }
  return false;
}

ParsedRequest ParseRequest(std::string_view bytes) {
  const bool too_long = bytes.size() > kMaxRequestBytes;
  std::string_view left = bytes.substr(0, kMaxRequestBytes);
  // No browser and no probe begins like this: TLS, or something that is no HTTP at all.
  if (!left.empty() && !IsTokenCharacter(left.front())) return Refused(400);
  ParsedRequest parsed;
  for (bool request_line = true;; request_line = false) {
    const std::size_t end = left.find('\n');
    if (end == std::string_view::npos) break;
    if (end == 0 || left[end - 1] != '\r') return Refused(400);
    const std::string_view line = left.substr(0, end - 1);
    left.remove_prefix(end + 1);
    if (request_line) {
      if (const int status = ReadRequestLine(line, &parsed.question); status != 0)
        return Refused(status);
    } else if (line.empty()) {
      parsed.progress = ParsedRequest::Progress::kDone;
      return parsed;
    } else if (!IsHeaderLine(line)) {
      return Refused(400);
    }
  }
  return too_long ? Refused(431) : ParsedRequest();
}

}  // namespace podgate::controller
