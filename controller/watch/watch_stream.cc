#include "controller/watch/watch_stream.h"

#include <algorithm>
#include <variant>

namespace podgate::controller {
namespace {

// Nobody knows which object changed: only a list can tell.
bool Nameless(const compiler::Decoded& decoded) {
  return !decoded.object && !decoded.diagnostics.empty();
}

}  // namespace

void WatchStream::OnHead(int status) {
  status_ = status;
  head_came_ = last_event_ = clock_->Now();
  if (status == 200 && !listing_) receiver_->OnWatchBegun();
}

std::chrono::milliseconds WatchStream::Left(Clock::Time since, std::chrono::seconds limit) const {
  const auto left = since + limit - clock_->Now();
  return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left),
                  std::chrono::milliseconds(0));
}

std::chrono::milliseconds WatchStream::Patience() {
  // A watch is answered at once; a list may wait until the server's cache is fresh.
  if (status_ == 0) return std::chrono::seconds(10);
  if (listing_)
    return std::min<std::chrono::milliseconds>(std::chrono::seconds(15),
                                               Left(head_came_, kListLimit));
  return Left(last_event_, kEventLimit);
}

bool WatchStream::Stop(End end, std::string problem) {
  end_ = end;
  problem_ = std::move(problem);
  return false;
}

bool WatchStream::OnBody(std::string_view bytes) {
  if (status_ != 200) {
    refusal_.append(bytes.substr(0, kMaxRefusalBytes - refusal_.size()));
    return refusal_.size() < kMaxRefusalBytes;
  }
  if (listing_ && Left(head_came_, kListLimit).count() == 0) return Stop(End::kSlowList);
  const auto fed = lines_.Feed(bytes, [this](std::string_view line) { return OnLine(line); });
  if (fed == LineSplitter::FeedResult::kTooLong)
    return Stop(End::kLineTooLong, "an event is too long");
  return fed == LineSplitter::FeedResult::kMore;
}

bool WatchStream::OnLine(std::string_view line) {
  auto decoded = compiler::DecodeWatchEvent(line, kind_);
  if (const auto* problem = std::get_if<compiler::Diagnostic>(&decoded)) {
    return Stop(End::kGarbage, "an event cannot be read: " + problem->ToString());
  }
  return OnEvent(std::get<compiler::WatchEvent>(std::move(decoded)));
}

bool WatchStream::OnEvent(compiler::WatchEvent event) {
  using Type = compiler::WatchEvent::Type;
  bool wanted = true;
  switch (event.type) {
    case Type::kError:
      error_event_ = std::move(event);
      return Stop(End::kErrorEvent);
    case Type::kAdded:
    case Type::kModified:
      if (!listing_ && Nameless(event.decoded))
        return Stop(End::kGarbage, "an event names no object");
      wanted = receiver_->OnUpsert(std::move(event.decoded));
      break;
    case Type::kDeleted:
      if (Nameless(event.decoded)) return Stop(End::kGarbage, "an event names no object");
      wanted = receiver_->OnDelete(event.decoded);
      break;
    case Type::kBookmark:
      if (listing_ && event.initial_events_end && !event.resource_version.empty()) {
        wanted = receiver_->OnListEnd(event.resource_version);
        listing_ = false;
        slot_.Release();
      }
      break;
  }
  if (!wanted) return Stop(End::kReceiver);
  // Versions of a list's events say nothing before its end: they come in any order.
  receiver_->OnEventRead(listing_ ? std::string() : std::move(event.resource_version));
  // Now, not when it came: the receiver may have made us wait.
  last_event_ = clock_->Now();
  return true;
}

}  // namespace podgate::controller
