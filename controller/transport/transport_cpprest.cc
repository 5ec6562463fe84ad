// The transport over cpprestsdk, used in the one way that holds a watch well: a pool of one thread,
// our own write-only stream buffer for the body, cancelling only from the pool's thread, a new
// client for each attempt (no stale connection, fresh CA and token), an idle timer of 90 s, no
// redirects. TLS is all in tls.cc, what the server may send in response_filter.cc.
#include <utility>  // before cpprest: Boost 1.74 uses std::exchange without it

#define _TURN_OFF_PLATFORM_STRING  // no macro called U

#include <cpprest/astreambuf.h>
#include <cpprest/http_client.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pplx/threadpool.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>

#include "controller/transport/body_queue.h"
#include "controller/transport/interpose.h"
#include "controller/transport/tls.h"
#include "controller/transport/transport.h"

namespace podgate::controller {
namespace {

// Backstop behind the consumer's own patience; kube-apiserver bookmarks once a minute.
constexpr std::chrono::seconds kIdleLimit{90};
// A name server that does not answer cannot be interrupted: then the attempt is left to itself.
constexpr std::chrono::milliseconds kEndLimit{2000};

template <typename Task>
void PostToPool(Task task) {
  crossplat::threadpool::shared_instance().service().post(std::move(task));
}

// Where cpprestsdk writes a body: into the queue, and when that is full not before there is room.
// All calls come on the pool's thread.
class Sink : public Concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  explicit Sink(std::shared_ptr<BodyQueue> queue)
      : streambuf_state_manager(std::ios_base::out), queue_(std::move(queue)) {}

  void Resume() {
    if (!waiting_) return;
    waiting_ = false;
    room_.set(held_);
  }

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return pos_type(traits::eof()); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return pos_type(traits::eof()); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return pos_type(traits::eof());
  }
  bool acquire(std::uint8_t*& pointer, std::size_t& count) override {
    pointer = nullptr;
    count = 0;
    return false;
  }
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t c) override {
    return _putn(&c, 1).then([c](std::size_t) { return static_cast<int_type>(c); });
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override {
    if (queue_->Put({reinterpret_cast<const char*>(bytes), count}))
      return pplx::task_from_result(count);
    waiting_ = true;
    held_ = count;
    room_ = pplx::task_completion_event<std::size_t>();
    return pplx::create_task(room_);
  }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}
  // Nothing is ever read from it.
  pplx::task<int_type> _bumpc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  pplx::task<int_type> _getc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  pplx::task<int_type> _nextc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  pplx::task<int_type> _ungetc() override {
    return pplx::task_from_result<int_type>(traits::eof());
  }
  int_type _sbumpc() override { return traits::eof(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }

 private:
  const std::shared_ptr<BodyQueue> queue_;
  pplx::task_completion_event<std::size_t> room_;
  std::size_t held_ = 0;
  bool waiting_ = false;
};

// cpprestsdk reports raw numbers of several kinds in one category; what they mean was found by
// trying.
HttpResult Explain(const web::http::http_exception& exception, const ApiAccess& access) {
  const int value = exception.error_code().value();
  const std::string_view what = exception.what();
  const auto says = [&what](const char* text) { return what.find(text) != std::string_view::npos; };
  const auto result = [](HttpError error, std::string message) {
    HttpResult r;
    r.error = error;
    r.message = std::move(message);
    return r;
  };
  if (value == ECANCELED) return result(HttpError::kCancelled, "cancelled");
  if (value == ETIMEDOUT) return result(HttpError::kTimeout, "the server was silent for too long");
  if (says("Failed to connect")) {
    return result(HttpError::kConnect,
                  value == EHOSTUNREACH
                      ? "the connection was refused, or there is no route to the host"
                      : fmt::format("the connection failed (error {})", value));
  }
  if (says("resolve") || says("resolving")) {
    return result(HttpError::kResolve,
                  fmt::format("the host name {} cannot be resolved", access.host));
  }
  // OpenSSL's packed codes; after a handshake of TLS 1.3 they also carry the server's refusal of
  // ours.
  const auto code = static_cast<unsigned long>(static_cast<unsigned int>(value));
  const char* reason = code > 0xffff ? ERR_reason_error_string(code) : nullptr;
  if (reason != nullptr) return result(HttpError::kTls, fmt::format("TLS: {}", reason));
  if (says("handshake")) {
    return result(HttpError::kTls, "the server ended the connection during the TLS handshake");
  }
  if (says("Invalid")) return result(HttpError::kProtocol, std::string(what));
  return result(HttpError::kClosed, "the connection was closed before the answer ended");
}

class CpprestTransport : public HttpTransport {
 public:
  explicit CpprestTransport(ApiAccess access) : access_(std::move(access)) {}
  ~CpprestTransport() override;

  HttpResult Get(const HttpRequest& request, HttpConsumer* consumer) override {
    return Send(request, nullptr, consumer);
  }
  HttpResult Post(const HttpRequest& request, const std::string& json,
                  HttpConsumer* consumer) override {
    return Send(request, &json, consumer);
  }
  void Cancel() override;
  bool Hangs() const override { return hanging_ > 0; }

 private:
  struct Exchange {
    std::shared_ptr<BodyQueue> queue;
    std::shared_ptr<FailureNote> note = std::make_shared<FailureNote>();
    pplx::cancellation_token_source cancel;
  };
  // `json`: what to POST; nullptr: a GET.
  HttpResult Send(const HttpRequest& request, const std::string* json, HttpConsumer* consumer);
  Status Start(const HttpRequest& request, const std::string* json, Exchange* exchange);
  HttpResult Follow(const HttpRequest& request, const Exchange& exchange, HttpConsumer* consumer);

  const ApiAccess access_;
  std::mutex mutex_;
  std::set<std::shared_ptr<BodyQueue>> live_;
  bool cancelled_ = false;
  std::atomic<int> hanging_ = 0;  // exchanges left to themselves; counted, never down
};

HttpResult Failure(HttpError error, std::string message) {
  HttpResult result;
  result.error = error;
  result.message = std::move(message);
  return result;
}

Status CpprestTransport::Start(const HttpRequest& request, const std::string* json,
                               Exchange* exchange) {
  auto credentials = ReadCredentials(access_);
  if (!credentials.ok()) return credentials.status();

  web::http::client::http_client_config config;
  config.set_timeout(kIdleLimit);
  config.set_max_redirects(0);           // a redirect would take the token along
  config.set_tlsext_sni_enabled(false);  // tls.cc does it
  config.set_ssl_context_callback([credentials = credentials.value(),
                                   name = access_.verified_name(),
                                   note = exchange->note](boost::asio::ssl::context& context) {
    if (Status status = ConfigureTls(context.native_handle(), credentials, name, note);
        !status.ok()) {
      note->Set(HttpError::kConfig, status.message());
      throw std::runtime_error("the TLS context cannot be configured");
    }
  });

  // The sink lives in the request; the queue's way back to it must not keep it alive.
  auto sink_of = std::make_shared<std::weak_ptr<Sink>>();
  exchange->queue = std::make_shared<BodyQueue>([sink_of] {
    PostToPool([sink_of] {
      if (const auto sink = sink_of->lock()) sink->Resume();
    });
  });
  auto sink = std::make_shared<Sink>(exchange->queue);
  *sink_of = sink;

  try {
    web::http::http_request message(json != nullptr ? web::http::methods::POST
                                                    : web::http::methods::GET);
    if (json != nullptr) message.set_body(*json, "application/json");
    message.set_request_uri(web::uri(access_.path + request.target));
    message.headers().add("Accept", "application/json");
    message.headers().add("User-Agent", "podgate");
    if (!credentials.value().token.empty()) {
      message.headers().add("Authorization", "Bearer " + credentials.value().token);
    }
    message.set_response_stream(Concurrency::streams::basic_ostream<std::uint8_t>(
        Concurrency::streams::streambuf<std::uint8_t>(sink)));
    ApiAccess root = access_;
    root.path.clear();
    const auto client = std::make_shared<web::http::client::http_client>(root.Url(), config);
    client->request(message, exchange->cancel.get_token())
        .then([queue = exchange->queue](const pplx::task<web::http::http_response>& answer) {
          web::http::http_response response = answer.get();
          int retry_after = 0;
          response.headers().match("Retry-After", retry_after);
          queue->Head(response.status_code(), retry_after);
          return response.content_ready();
        })
        .then([queue = exchange->queue, note = exchange->note, access = access_,
               client](const pplx::task<web::http::http_response>& body) {
          HttpResult result;
          try {
            body.get();
          } catch (const web::http::http_exception& e) {
            result = Explain(e, access);
          } catch (const pplx::task_canceled&) {
            result = Failure(HttpError::kCancelled, "cancelled");
          } catch (const std::exception& e) {
            result = Failure(HttpError::kProtocol, e.what());
          }
          if (result.error != HttpError::kNone && note->error() != HttpError::kNone) {
            result = Failure(note->error(), note->text());
          }
          queue->End(std::move(result));
        });
  } catch (const std::exception& e) {
    const bool noted = exchange->note->error() != HttpError::kNone;
    return {Status::Code::kInvalid, noted ? exchange->note->text() : e.what()};
  }
  return {};
}

HttpResult CpprestTransport::Follow(const HttpRequest& request, const Exchange& exchange,
                                    HttpConsumer* consumer) {
  using SteadyClock = std::chrono::steady_clock;
  const auto limit = SteadyClock::now() + request.limit;
  HttpResult result;
  std::string bytes;
  while (true) {
    const auto now = SteadyClock::now();
    const auto until = std::min<SteadyClock::time_point>(limit, now + consumer->Patience());
    switch (exchange.queue->Wait(until, &bytes)) {
      case BodyQueue::Event::kHead:
        consumer->OnHead(exchange.queue->status());
        continue;
      case BodyQueue::Event::kBody:
        if (consumer->OnBody(bytes)) continue;
        result = Failure(HttpError::kStopped, "stopped");
        break;
      case BodyQueue::Event::kEnd:
        return exchange.queue->result();
      case BodyQueue::Event::kCancelled:
        result = Failure(HttpError::kCancelled, "cancelled");
        break;
      case BodyQueue::Event::kTimeout:
        result = Failure(HttpError::kTimeout, SteadyClock::now() >= limit
                                                  ? "the answer took too long"
                                                  : "the server was silent for too long");
        break;
    }
    break;
  }
  PostToPool([cancel = exchange.cancel] { cancel.cancel(); });
  if (!exchange.queue->WaitEnd(kEndLimit)) ++hanging_;
  result.status = exchange.queue->status();
  return result;
}

HttpResult CpprestTransport::Send(const HttpRequest& request, const std::string* json,
                                  HttpConsumer* consumer) {
  Exchange exchange;
  if (Status status = Start(request, json, &exchange); !status.ok()) {
    return Failure(HttpError::kConfig, status.message());
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (cancelled_) exchange.queue->Cancel();
    live_.insert(exchange.queue);
  }
  HttpResult result = Follow(request, exchange, consumer);
  const std::lock_guard<std::mutex> lock(mutex_);
  live_.erase(exchange.queue);
  return result;
}

void CpprestTransport::Cancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  for (const auto& queue : live_) queue->Cancel();
}

// OpenSSL keeps memory for each thread that used it until that thread says that it is done; the
// pool's thread outlives every transport and ends only after OpenSSL itself.
CpprestTransport::~CpprestTransport() {
  if (Hangs()) return;
  auto done = std::make_shared<std::promise<void>>();
  PostToPool([done] {
    OPENSSL_thread_stop();
    done->set_value();
  });
  done->get_future().wait_for(kEndLimit);
}

}  // namespace

Status InitialiseTransports() {
  if (Status status = CheckInterposition(); !status.ok()) return status;
  crossplat::threadpool::initialize_with_threads(1);
  return {};
}

std::unique_ptr<HttpTransport> MakeTransport(ApiAccess access) {
  return std::make_unique<CpprestTransport>(std::move(access));
}

}  // namespace podgate::controller
