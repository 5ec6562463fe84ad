// The two readers of a reflector: a stream of watch events, and one page of a list. Private to
// reflector*.cc.
#pragma once

#include <string>
#include <utility>

#include "controller/watch/line_splitter.h"
#include "controller/watch/reflector.h"

namespace podgate::controller {

// False: the object is of another kind than `kind`.
bool KeyOf(const compiler::Object& object, compiler::Kind kind, compiler::ObjectKey* key);

// Body of an answer that is no 200: at most this much of it is read.
inline constexpr std::size_t kMaxRefusalBytes = 64 * 1024;

class Reflector::Stream : public HttpConsumer {
 public:
  enum class End : std::uint8_t {
    kOpen,  // not by us
    kErrorEvent,
    kGarbage,
    kLineTooLong,
    kTooMany,
    kSlowList,  // the list did not end in kListLimit
    kReceiver,  // the loop wants no more
  };

  // Another list waits meanwhile, and pages are bounded one by one: a list that takes longer comes
  // in pages.
  static constexpr std::chrono::seconds kListLimit{60};
  // Bookmarks come once a minute. Bytes that make no event, blank lines for example, count for
  // nothing: a server that only drips must not look alive.
  static constexpr std::chrono::seconds kEventLimit{90};

  // With a slot it is a streaming list, and the slot is given back when the list is complete.
  Stream(Reflector* reflector, RequestLimiter::ListSlot slot)
      : reflector_(reflector), slot_(std::move(slot)), listing_(static_cast<bool>(slot_)) {}

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

  Reflector* const reflector_;
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

class Reflector::Page : public HttpConsumer {
 public:
  static constexpr std::chrono::milliseconds kLimit{60'000};
  static constexpr std::size_t kMaxBytes = 32u << 20;

  void OnHead(int status) override;
  bool OnBody(std::string_view bytes) override;
  // A server may think for long before the first byte of a large list.
  std::chrono::milliseconds Patience() override { return std::chrono::seconds(30); }

  const std::string& text() const { return text_; }
  bool too_long() const { return too_long_; }

 private:
  int status_ = 0;
  bool too_long_ = false;
  std::string text_;
};

}  // namespace podgate::controller
