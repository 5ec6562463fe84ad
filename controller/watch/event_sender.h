// Sends Events to the API server from a thread of its own, one at a time. Telling is cheap and
// never waits, and nothing depends on an event: what cannot be sent at once is lost, and when the
// server refuses events altogether they are given up for hours. The thread uses only requests that
// the reflectors leave over.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "controller/base/log.h"
#include "controller/transport/transport.h"
#include "controller/watch/cluster_event.h"
#include "controller/watch/request_limiter.h"

namespace podgate::controller {

class EventSender : public EventSink {
 public:
  EventSender(EventSource source, HttpTransport* transport, RequestLimiter* limiter, Clock* clock,
              Logger* log)
      : source_(std::move(source)),
        transport_(transport),
        limiter_(limiter),
        clock_(clock),
        log_(log) {}

  void Tell(ClusterEvent event) override;

  // The sender's thread: until Stop(), which may be called from any thread.
  void Run();
  void Stop();

  // One event, if one waits. For Run() and for tests.
  void SendNext();

 private:
  static constexpr std::chrono::hours kGiveUp{6};

  void Send(const ClusterEvent& event);

  const EventSource source_;
  HttpTransport* const transport_;
  RequestLimiter* const limiter_;
  Clock* const clock_;
  Logger* const log_;
  Clock::Time refused_until_;  // of the sender's thread

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool stopped_ = false;
  EventQueue queue_;
};

}  // namespace podgate::controller
