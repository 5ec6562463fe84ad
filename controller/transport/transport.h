// HTTP as the reflectors need it: one GET with a body that streams to a consumer on the caller's
// own thread; and a POST of a small body. One implementation is in use, over cpprestsdk
// (transport_cpprest.cc); tests script another.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "controller/transport/access.h"

namespace podgate::controller {

struct HttpRequest {
  std::string target;  // path and query, percent-encoded, beginning with "/"
  // The whole exchange ends after this, however lively it is.
  std::chrono::milliseconds limit{std::chrono::minutes(10)};
};

enum class HttpError : std::uint8_t {
  kNone,       // the body ended as HTTP says it must
  kCancelled,  // by Cancel()
  kStopped,    // the consumer wanted no more
  kConfig,     // a certificate, key or token could not be read
  kResolve,    // the host's name is not known
  kConnect,    // refused, or no route
  kTls,      // no TLS connection to the server we mean: wrong CA, wrong name, certificate asked for
  kTimeout,  // silence for longer than the consumer's patience, or over the limit
  kClosed,   // the connection ended or was reset before the body did
  kProtocol,  // what came is not HTTP, or breaks a limit of ours
};

struct HttpResult {
  HttpError error = HttpError::kNone;
  int status = 0;  // 0: no answer's head came
  int retry_after_seconds = 0;
  std::string message;  // what went wrong, for people; empty with kNone
};

class HttpConsumer {
 public:
  virtual ~HttpConsumer() = default;
  // The answer's head is there.
  virtual void OnHead(int status) = 0;
  // The next bytes of the body, of an answer with any status. False ends the exchange with
  // kStopped.
  virtual bool OnBody(std::string_view bytes) = 0;
  // How long the server may now be silent; asked again after the head and after each piece.
  virtual std::chrono::milliseconds Patience() = 0;
};

class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // Returns when the exchange has ended. Any number of threads at a time.
  virtual HttpResult Get(const HttpRequest& request, HttpConsumer* consumer) = 0;
  virtual HttpResult Post(const HttpRequest& request, const std::string& json,
                          HttpConsumer* consumer) = 0;
  // Ends all exchanges, those to come as well. Any thread.
  virtual void Cancel() = 0;
  // Something of an ended exchange still waits for the system (a name server that does not answer
  // cannot be interrupted): then the process must be ended without waiting for other threads.
  virtual bool Hangs() const { return false; }
};

// To be called once, before the first transport is made and while there is only one thread. An
// error: this build cannot speak to API servers safely (see interpose.h), and must not.
Status InitialiseTransports();

std::unique_ptr<HttpTransport> MakeTransport(ApiAccess access);

}  // namespace podgate::controller
