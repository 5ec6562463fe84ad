// Reads the body of a watch request: a stream of watch events, one JSON object a line, as the
// Kubernetes API defines them (metav1.WatchEvent). A streaming list (sendInitialEvents) is such a
// stream too, whose first part ends with an annotated bookmark.
//
// One object for each request, on the thread that asks for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "compiler/decode/decode.h"
#include "controller/base/clock.h"
#include "controller/transport/transport.h"
#include "controller/watch/line_splitter.h"
#include "controller/watch/request_limiter.h"

namespace podgate::controller {

// Body of an answer that is no 200: at most this much of it is read.
inline constexpr std::size_t kMaxRefusalBytes = 64 * 1024;

// Who hears what a stream reads. False from any of them ends the stream with kReceiver.
class WatchReceiver {
 public:
  virtual ~WatchReceiver() = default;
  // The server answered a watch, not a list, with 200.
  virtual void OnWatchBegun() = 0;
  virtual bool OnUpsert(compiler::Decoded decoded) = 0;
  virtual bool OnDelete(const compiler::Decoded& decoded) = 0;
  // All objects have been told; `version`: the list's resourceVersion.
  virtual bool OnListEnd(const std::string& version) = 0;
  // After each event. `version`: to watch from if the stream ends now; empty: as before.
  virtual void OnEventRead(std::string version) = 0;
};

class WatchStream : public HttpConsumer {
 public:
  enum class End : std::uint8_t {
    kOpen,  // not ended by the reader
    kErrorEvent,
    kGarbage,
    kLineTooLong,
    kSlowList,  // the list did not end in kListLimit
    kReceiver,  // the receiver wants no more
  };

  // Another list waits meanwhile, and pages are bounded one by one: a list that takes longer comes
  // in pages.
  static constexpr std::chrono::seconds kListLimit{60};
  // Bookmarks come once a minute. Bytes that make no event, blank lines for example, count for
  // nothing: a server that only drips must not look alive.
  static constexpr std::chrono::seconds kEventLimit{90};

  // With a slot it is a streaming list, and the slot is given back when the list is complete.
  WatchStream(compiler::Kind kind, Clock* clock, WatchReceiver* receiver,
              RequestLimiter::ListSlot slot)
      : kind_(kind),
        clock_(clock),
        receiver_(receiver),
        slot_(std::move(slot)),
        listing_(static_cast<bool>(slot_)) {}

  void OnHead(int status) override;
  bool OnBody(std::string_view bytes) override;
  std::chrono::milliseconds Patience() override;

  bool listing() const { return listing_; }  // the list is not complete yet
  End end() const { return end_; }
  const std::string& problem() const { return problem_; }
  const std::string& refusal() const { return refusal_; }
  const compiler::WatchEvent& error_event() const { return error_event_; }

 private:
  std::chrono::milliseconds Left(Clock::Time since, std::chrono::seconds limit) const;
  bool OnLine(std::string_view line);
  bool OnEvent(compiler::WatchEvent event);
  bool Stop(End end, std::string problem = {});

  const compiler::Kind kind_;
  Clock* const clock_;
  WatchReceiver* const receiver_;
  RequestLimiter::ListSlot slot_;
  bool listing_;
  int status_ = 0;
  Clock::Time head_came_;
  Clock::Time last_event_;  // or the head
  End end_ = End::kOpen;
  std::string problem_;
  std::string refusal_;
  compiler::WatchEvent error_event_;
  // A little more than an object: the event around it.
  LineSplitter lines_{compiler::DecodeLimits().object_bytes + 64 * 1024};
};

}  // namespace podgate::controller
