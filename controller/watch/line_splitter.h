// Cuts a stream of bytes into lines, at any split, with a bound on one line. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace podgate::controller {

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t limit_bytes) : limit_(limit_bytes) {}

  enum class FeedResult { kMore, kTooLong, kStopped };
  // Calls `line(std::string_view)` for each whole line that is not blank; when it says false the
  // rest is left. What follows the last line break waits for the next piece, and is dropped with
  // the splitter.
  template <typename Line>
  FeedResult Feed(std::string_view bytes, const Line& line) {
    while (true) {
      const auto end = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, end);
      if (kept_.size() + piece.size() > limit_) return FeedResult::kTooLong;
      if (end == std::string_view::npos) {
        // Costs addresses only, until bytes come; a long line that grows would be copied, and needs
        // three times its size for that.
        if (kept_.size() + piece.size() > kKeptCapacity) kept_.reserve(limit_);
        kept_.append(piece);
        return FeedResult::kMore;
      }
      bytes.remove_prefix(end + 1);
      bool more = true;
      if (kept_.empty()) {
        more = IsBlank(piece) || line(piece);
      } else {
        kept_.append(piece);
        more = IsBlank(kept_) || line(std::string_view(kept_));
        kept_.clear();
        if (kept_.capacity() > kKeptCapacity) kept_.shrink_to_fit();
      }
      if (!more) return FeedResult::kStopped;
    }
  }

 private:
  static constexpr std::size_t kKeptCapacity = 256 * 1024;
  static bool IsBlank(std::string_view text) {
    return text.find_first_not_of(" \t\r") == std::string_view::npos;
  }

  const std::size_t limit_;
  std::string kept_;  // the beginning of a line
};

}  // namespace podgate::controller
