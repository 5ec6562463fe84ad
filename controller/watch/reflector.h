// Keeps one kind of object in step with the API server: lists it, watches it, and tells the loop
// what is there and what is gone. Whatever the server does, the reflector goes on trying, in
// bounded memory and at a bounded rate; what it told stays true as long as it has not told
// otherwise. What a namespace has too much of is emptied (known_objects.h, emptied.h) and never
// stops a list or a watch.
//
//   no version ──list──▶ version ──watch──▶ … ──▶ version' (the last event's or bookmark's)
//       ▲                                     │
//       └── 410, garbage, refused 3 times ────┘   anything else: watch again from the last version
//
// A list streams where the server can (one exchange that begins with all objects and goes on as the
// watch), else it comes in pages. Objects that a later list no longer has are told as deleted (mark
// and sweep).
//
// Legal streams of messages: upserts, deletions and emptyings of any object in any order, repeated
// ones and those of objects that are gone included; a kListed after each list; after a failed list
// some of its upserts.
//
// One thread each, which calls Run().
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "controller/base/log.h"
#include "controller/transport/transport.h"
#include "controller/watch/backoff.h"
#include "controller/watch/known_objects.h"
#include "controller/watch/message.h"
#include "controller/watch/request_limiter.h"
#include "controller/watch/resource.h"
#include "controller/watch/watch_stream.h"

namespace podgate::controller {

class Reflector : private WatchReceiver {
 public:
  // All given objects must outlive it.
  Reflector(const Resource& resource, HttpTransport* transport, RequestLimiter* limiter,
            Clock* clock, Logger* log, MessageSink* sink);

  // Until the program is to stop.
  void Run();
  // One list or one watch, and the pause after it. False: the program is to stop.
  bool Round();

  struct Counters {
    std::uint64_t requests = 0;
    std::uint64_t lists = 0;    // completed
    std::uint64_t garbage = 0;  // lines and pages that could not be read
  };
  const Counters& counters() const { return counters_; }
  compiler::Kind kind() const { return resource_.kind; }
  // When the server last said anything that made sense; at first: when this was made. Any thread.
  Clock::Time last_news() const { return last_news_; }

 private:
  struct RoundResult {
    enum class Next : std::uint8_t {
      kGoOn,    // all is well
      kAgain,   // at once, in another way
      kPause,   // something failed
      kRelist,  // something failed and the version is worth nothing
      kStop,
    };
    Next next = Next::kGoOn;
    std::string reason;
    int retry_after_seconds = 0;
    bool reached = true;  // some server took the request, and had work with it
  };
  static RoundResult Broken(const HttpResult& result);

  RoundResult List();
  RoundResult ListByStream(RequestLimiter::ListSlot slot);
  RoundResult ListByPages();
  RoundResult Watch();
  RoundResult FollowStream(const std::string& target, int timeout_seconds, WatchStream* stream);
  RoundResult Refused(const HttpResult& result, const std::string& body, bool watching);
  RoundResult ErrorEvent(const compiler::WatchEvent& event);
  bool After(const RoundResult& round);
  int WatchSeconds();

  // Parts of a list and of a watch. False: the sink wants no more.
  void BeginList();
  bool OnUpsert(compiler::Decoded decoded) override;
  bool OnDelete(const compiler::Decoded& decoded) override;
  bool OnListEnd(const std::string& version) override;
  void OnWatchBegun() override;
  void OnEventRead(std::string version) override;
  bool TellLost();
  bool OnUnknown(const compiler::ObjectKey& key);
  bool TellGone(const compiler::ObjectKey& key);
  std::string Excess(const std::string& ns) const;
  Message Note(Message::Type type, compiler::ObjectKey key);

  const Resource resource_;
  HttpTransport* const transport_;
  RequestLimiter* const limiter_;
  Clock* const clock_;
  Logger* const log_;
  MessageSink* const sink_;
  Backoff backoff_;       // after watches that failed, and where no server was reached
  Backoff list_backoff_;  // between lists that failed or did not lead to a working watch
  Counters counters_;
  std::atomic<Clock::Time> last_news_;

  std::string version_;  // to watch from; empty: list first
  KnownObjects known_;
  bool list_unreadable_ = false;  // the present list holds an object without a readable key
  // Namespaces with more policies than are known by name, and the list that showed it last.
  std::map<std::string, std::uint64_t> crowded_;
  std::uint64_t list_number_ = 0;
  bool uncrowded_ = false;     // one of them may no longer be
  bool watched_ = false;       // a watch ended as watches do
  bool unauthorized_ = false;  // the last answer was 401
  bool failing_ = false;       // the last attempt failed, and it was logged
  int refused_ = 0;            // watches in a row that the server refused
  int page_objects_;           // to ask for: fewer after a page that was too long
};

}  // namespace podgate::controller
