// The transport over cpprestsdk against a real TLS server: who is trusted, what is sent, and what
// becomes of answers that are late, torn, endless or hostile.
#include "controller/transport/transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <semaphore>
#include <thread>

#include "unit/controller/transport/tls_server.h"

namespace podgate::controller {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

class Collector : public HttpConsumer {
 public:
  void OnHead(int head_status) override { status = head_status; }
  bool OnBody(std::string_view bytes) override {
    if (pieces.empty()) first = SteadyClock::now();
    pieces.emplace_back(bytes);
    body.append(bytes);
    if (on_body) on_body();
    return body.size() < stop_after;
  }
  milliseconds Patience() override { return patience; }

  int status = 0;
  std::string body;
  std::vector<std::string> pieces;
  SteadyClock::time_point first;
  milliseconds patience{5000};
  std::size_t stop_after = SIZE_MAX;
  std::function<void()> on_body;
};

class TransportTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    static bool once = false;
    if (!std::exchange(once, true)) {
      EXPECT_TRUE(InitialiseTransports().ok());
    }
  }
  TransportTest()
      : ca_(MakeCa("cluster")), server_identity_(MakeCertificate(ca_, "server", {"IP:127.0.0.1"})) {
    access_.host = "127.0.0.1";
    access_.ca.data = ca_.certificate_pem;
    access_.token.data = "secret";
  }

  void Serve(TlsServer::Handler handler, const std::string& client_ca = {}) {
    server_ = std::make_unique<TlsServer>(server_identity_, std::move(handler), client_ca);
    ASSERT_TRUE(server_->listening());
    access_.port = static_cast<std::uint16_t>(server_->port());
  }
  HttpResult Get(const std::string& target = "/api/v1/pods?limit=5") {
    return MakeTransport(access_)->Get({target, limit_}, &collector_);
  }
  // Answers with these bytes and closes properly.
  void ServeBytes(const std::string& bytes) {
    Serve([bytes](TlsConnection* connection) {
      connection->Write(bytes);
      connection->CloseProperly();
      connection->AwaitClose(1000);
    });
  }

  const Identity ca_;
  Identity server_identity_;
  ApiAccess access_;
  std::unique_ptr<TlsServer> server_;
  Collector collector_;
  milliseconds limit_{10'000};
};

constexpr const char* kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST_F(TransportTest, SendsTheRequestAndTheToken) {
  std::string request;
  Serve([&request](TlsConnection* connection) {
    request = connection->request();
    connection->Write(kHello);
    connection->AwaitClose(1000);
  });
  access_.path = "/base";
  const HttpResult result =
      Get("/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Ca&continue=a%2Bb%3D");
  EXPECT_EQ(result.error, HttpError::kNone) << result.message;
  EXPECT_EQ(result.status, 200);
  EXPECT_EQ(collector_.status, 200);
  EXPECT_EQ(collector_.body, "hello");
  EXPECT_EQ(request.substr(0, request.find("\r\n")),
            "GET /base/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Ca&continue=a%2Bb%3D "
            "HTTP/1.1");
  EXPECT_NE(request.find("\r\nAuthorization:Bearer secret\r\n"), std::string::npos) << request;
  EXPECT_NE(request.find("\r\nAccept:application/json\r\n"), std::string::npos) << request;
  EXPECT_NE(request.find("\r\nHost: 127.0.0.1:" + std::to_string(server_->port()) + "\r\n"),
            std::string::npos)
      << request;
  EXPECT_EQ(request.find("Accept-Encoding"), std::string::npos) << request;
}

TEST_F(TransportTest, ReadsTokenAndCaAnewForEachAttempt) {
  std::string pattern = ::testing::TempDir() + "podgate-XXXXXX";
  const int file = ::mkstemp(pattern.data());
  ASSERT_GE(file, 0);
  ::close(file);
  access_.token = {"", pattern};
  std::vector<std::string> tokens;
  Serve([&tokens](TlsConnection* connection) {
    const auto at = connection->request().find("Bearer ") + 7;
    tokens.push_back(connection->request().substr(at, connection->request().find("\r\n", at) - at));
    connection->Write(kHello);
    connection->AwaitClose(1000);
  });
  const auto transport = MakeTransport(access_);
  for (const char* token : {"one", "two"}) {
    std::ofstream(pattern) << token << "\n";
    EXPECT_EQ(transport->Get({"/", limit_}, &collector_).error, HttpError::kNone);
  }
  EXPECT_EQ(tokens, (std::vector<std::string>{"one", "two"}));
  ::unlink(pattern.c_str());
  const HttpResult gone = transport->Get({"/", limit_}, &collector_);
  EXPECT_EQ(gone.error, HttpError::kConfig);
  EXPECT_EQ(gone.message, "cannot read " + pattern + ": No such file or directory");
}

TEST_F(TransportTest, TrustsOnlyTheClustersCa) {
  ServeBytes(kHello);
  access_.ca.data = MakeCa("cluster").certificate_pem;  // another one of the same name
  const HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kTls);
  EXPECT_NE(result.message.find("the server's certificate is not trusted"), std::string::npos)
      << result.message;
  EXPECT_EQ(server_->connections(), 0);

  access_.ca.data = "no pem";
  EXPECT_EQ(Get().message, "certificate-authority holds no PEM certificate");
}

TEST_F(TransportTest, AnIntermediateCaIsARootWhenItIsTheOneGiven) {
  // Signed by a CA that nobody gave us, but given itself.
  access_.ca.data = server_identity_.certificate_pem;
  ServeBytes(kHello);
  EXPECT_EQ(Get().error, HttpError::kNone);
}

TEST_F(TransportTest, ChecksTheName) {
  server_identity_ = MakeCertificate(ca_, "127.0.0.1", {"DNS:api.example", "IP:10.0.0.1"});
  std::string server_name = "?";
  Serve([&server_name](TlsConnection* connection) {
    server_name = connection->server_name();
    connection->Write(kHello);
    connection->AwaitClose(1000);
  });
  // The common name does not count, as in Go.
  HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kTls);
  EXPECT_EQ(result.message,
            "the server's certificate is for api.example, 10.0.0.1, not for 127.0.0.1; set "
            "tls-server-name if that is "
            "right");
  access_.tls_server_name = "api.example";
  EXPECT_EQ(Get().error, HttpError::kNone);
  EXPECT_EQ(server_name, "api.example");
  access_.tls_server_name = "10.0.0.1";
  EXPECT_EQ(Get().error, HttpError::kNone);
  EXPECT_EQ(server_name, "");  // an address is not sent as a name
  access_.tls_server_name = "other.example";
  EXPECT_EQ(Get().error, HttpError::kTls);
}

TEST_F(TransportTest, ACertificateWithoutNamesIsRefused) {
  server_identity_ = MakeCertificate(ca_, "127.0.0.1", {});
  ServeBytes(kHello);
  const HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kTls);
  EXPECT_EQ(result.message,
            "the server's certificate is for no name, not for 127.0.0.1; set "
            "tls-server-name if that is right");
}

TEST_F(TransportTest, ReachesAnIPv6Address) {
  server_identity_ = MakeCertificate(ca_, "server", {"IP:::1"});
  std::string request;
  server_ = std::make_unique<TlsServer>(
      server_identity_,
      [&request](TlsConnection* connection) {
        request = connection->request();
        connection->Write(kHello);
        connection->AwaitClose(1000);
      },
      "", true);
  if (!server_->listening()) {
    ASSERT_EQ(::getenv("CI"), nullptr) << "there is no IPv6 loopback, and CI must have one";
    GTEST_SKIP() << "there is no IPv6 loopback";
  }
  access_.port = static_cast<std::uint16_t>(server_->port());
  access_.host = "::1";
  const HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kNone) << result.message;
  EXPECT_NE(request.find("\r\nHost: [::1]:"), std::string::npos) << request;
}

TEST_F(TransportTest, ShowsItsCertificate) {
  const Identity client = MakeCertificate(ca_, "podgate", {});
  access_.token = {};
  std::string request;
  Serve(
      [&request](TlsConnection* connection) {
        request = connection->request();
        connection->Write(kHello);
        connection->AwaitClose(1000);
      },
      ca_.certificate_pem);
  HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kTls);
  EXPECT_NE(result.message.find("certificate required"), std::string::npos) << result.message;

  access_.client_certificate.data = client.certificate_pem;
  access_.client_key.data = client.key_pem;
  result = Get();
  EXPECT_EQ(result.error, HttpError::kNone) << result.message;
  EXPECT_EQ(request.find("Authorization"), std::string::npos);

  access_.client_key.data = ca_.key_pem;
  EXPECT_EQ(Get().message, "client-key does not belong to client-certificate");
  access_.client_key.data = "x";
  EXPECT_EQ(Get().message, "client-key holds no PEM private key without a pass phrase");
}

TEST_F(TransportTest, DoesNotFollowARedirect) {
  std::atomic<int> elsewhere = 0;
  TlsServer other(server_identity_, [&elsewhere](TlsConnection*) { ++elsewhere; });
  ServeBytes("HTTP/1.1 307 X\r\nLocation: https://127.0.0.1:" + std::to_string(other.port()) +
             "/\r\nContent-Length: 2\r\n\r\nno");
  const HttpResult result = Get();
  EXPECT_EQ(result.status, 307);
  EXPECT_EQ(collector_.body, "no");
  EXPECT_EQ(elsewhere, 0);
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(TransportTest, GivesTheBodyOfARefusalAndThePause) {
  ServeBytes(
      "HTTP/1.1 429 X\r\nRetry-After: 3\r\nTransfer-Encoding: "
      "chunked\r\n\r\n4\r\nslow\r\n0\r\n\r\n");
  const HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kNone) << result.message;
  EXPECT_EQ(result.status, 429);
  EXPECT_EQ(result.retry_after_seconds, 3);
  EXPECT_EQ(collector_.body, "slow");
}

TEST_F(TransportTest, EachEventComesAtOnceInEveryFraming) {
  for (const char* head :
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"}) {
    const bool chunked = std::string_view(head).find("chunked") != std::string_view::npos;
    // The next event is sent only when the one before has come: held back, it would never come.
    std::counting_semaphore<> arrived(0);
    bool in_turn = true;
    Serve([&arrived, &in_turn, head, chunked](TlsConnection* connection) {
      connection->Write(head);
      for (int i = 0; i < 5 && in_turn; ++i) {
        connection->Write(chunked ? "3\r\nev\n\r\n" : "ev\n");
        in_turn = arrived.try_acquire_for(std::chrono::seconds(5));
      }
      if (chunked) connection->Write("0\r\n\r\n");
      connection->CloseProperly();
      connection->AwaitClose(1000);
    });
    int got = 0;
    Collector collector;
    collector.on_body = [&] {
      ++got;
      arrived.release();
    };
    const HttpResult result = MakeTransport(access_)->Get({"/", limit_}, &collector);
    EXPECT_EQ(result.error, HttpError::kNone) << result.message;
    EXPECT_EQ(got, 5) << head;
    EXPECT_TRUE(in_turn) << head;
  }
}

TEST_F(TransportTest, SaysHowAStreamBroke) {
  const std::string begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nwhole\n\r\n";
  const struct {
    const char* name;
    std::function<void(TlsConnection*)> end;
  } kCases[] = {
      {"FIN without close_notify", [](TlsConnection*) {}},
      {"close_notify in the middle", [](TlsConnection* c) { c->CloseProperly(); }},
      {"RST", [](TlsConnection* c) { c->Reset(); }},
      {"FIN in the middle of a chunk", [](TlsConnection* c) { c->Write("a\r\ntorn"); }},
  };
  for (const auto& c : kCases) {
    Serve([&](TlsConnection* connection) {
      connection->Write(begun);
      std::this_thread::sleep_for(milliseconds(50));
      c.end(connection);
    });
    Collector collector;
    const HttpResult result = MakeTransport(access_)->Get({"/", limit_}, &collector);
    EXPECT_EQ(result.error, HttpError::kClosed) << c.name << ": " << result.message;
    EXPECT_EQ(result.status, 200) << c.name;
    EXPECT_EQ(collector.body.substr(0, 6), "whole\n") << c.name;
  }
}

TEST_F(TransportTest, SaysWhyNothingCame) {
  ServeBytes(kHello);
  server_.reset();  // nobody listens there any more
  EXPECT_EQ(Get().error, HttpError::kConnect);
  access_.host = "no-such-host.invalid";
  const HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kResolve) << result.message;
  EXPECT_EQ(result.message, "the host name no-such-host.invalid cannot be resolved");
}

TEST_F(TransportTest, GivesUpOnSilence) {
  Serve([](TlsConnection* connection) { connection->AwaitClose(5000); });
  collector_.patience = milliseconds(100);
  const auto begun = SteadyClock::now();
  const HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kTimeout);
  EXPECT_EQ(result.status, 0);
  EXPECT_LT(SteadyClock::now() - begun, milliseconds(5000));
}

TEST_F(TransportTest, GivesUpOnADripThatNeverEnds) {
  Serve([](TlsConnection* connection) {
    connection->Write("HTTP/1.1 200 OK\r\n\r\n");
    while (connection->Write("x") && !connection->AwaitClose(10)) {
    }
  });
  limit_ = milliseconds(300);
  const HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kTimeout);
  EXPECT_EQ(result.message, "the answer took too long");
}

TEST_F(TransportTest, CancelEndsEverythingAtOnce) {
  std::atomic<bool> client_left = false;
  Serve([&client_left](TlsConnection* connection) {
    connection->Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n");
    client_left = connection->AwaitClose(5000);
  });
  const auto transport = MakeTransport(access_);
  std::jthread canceller([&] {
    std::this_thread::sleep_for(milliseconds(200));
    transport->Cancel();
  });
  const auto begun = SteadyClock::now();
  const HttpResult result = transport->Get({"/", limit_}, &collector_);
  EXPECT_EQ(result.error, HttpError::kCancelled);
  EXPECT_LT(SteadyClock::now() - begun, milliseconds(5000));
  EXPECT_EQ(transport->Get({"/", limit_}, &collector_).error, HttpError::kCancelled);
  server_.reset();
  EXPECT_TRUE(client_left);
}

TEST_F(TransportTest, TheConsumerCanStop) {
  Serve([](TlsConnection* connection) {
    connection->Write("HTTP/1.1 200 OK\r\n\r\n");
    while (connection->Write(std::string(1000, 'x')) && !connection->AwaitClose(1)) {
    }
  });
  collector_.stop_after = 5000;
  const HttpResult result = Get();
  EXPECT_EQ(result.error, HttpError::kStopped);
  EXPECT_EQ(result.status, 200);
}

long ResidentKilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stol(line.substr(6));
  }
  return 0;
}

void ForgetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

TEST_F(TransportTest, OneAnnouncedHugeChunkCostsNoMemory) {
  constexpr std::size_t kTotal = 200u << 20;
  Serve([](TlsConnection* connection) {
    connection->Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc800000\r\n");
    const std::string piece(1 << 20, 'x');
    for (std::size_t i = 0; i < kTotal / piece.size(); ++i) connection->Write(piece);
    connection->Write("\r\n0\r\n\r\n");
    connection->AwaitClose(1000);
  });
  class Counter : public Collector {
   public:
    bool OnBody(std::string_view bytes) override {
      total += bytes.size();
      return true;
    }
    std::size_t total = 0;
  } counter;
  ForgetPeak();
  const long before = ResidentKilobytes();
  const HttpResult result = MakeTransport(access_)->Get({"/", milliseconds(60'000)}, &counter);
  EXPECT_EQ(result.error, HttpError::kNone) << result.message;
  EXPECT_EQ(counter.total, kTotal);
  const long grown = ResidentKilobytes() - before;
  RecordProperty("grown_kilobytes", static_cast<int>(grown));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // An emulator keeps what it translates of the program in the program's memory.
  EXPECT_LT(grown, (std::getenv("PODGATE_EMULATED") != nullptr ? 32 : 6) * 1024);
#endif
}

TEST_F(TransportTest, ASlowConsumerHoldsTheServerBack) {
  std::atomic<std::size_t> written = 0;
  Serve([&written](TlsConnection* connection) {
    connection->Write("HTTP/1.1 200 OK\r\n\r\n");
    const std::string piece(64 * 1024, 'x');
    while (written < (64u << 20) && connection->Write(piece)) written += piece.size();
    connection->CloseProperly();
    connection->AwaitClose(1000);
  });
  std::size_t when_slow = 0;
  class Slow : public Collector {
   public:
    bool OnBody(std::string_view bytes) override {
      total += bytes.size();
      if (on_body) on_body();
      return true;
    }
    std::size_t total = 0;
  } slow;
  slow.on_body = [&] {
    if (when_slow != 0) return;
    std::this_thread::sleep_for(milliseconds(400));
    when_slow = written;
  };
  const HttpResult result = MakeTransport(access_)->Get({"/", milliseconds(60'000)}, &slow);
  EXPECT_EQ(result.error, HttpError::kNone) << result.message;
  EXPECT_EQ(slow.total, 64u << 20);
  EXPECT_LT(when_slow, 16u << 20);  // the queue and the sockets' buffers, not all of it
}

TEST_F(TransportTest, HostileHeadsAndChunksEndTheExchange) {
  const struct {
    std::string bytes;
    const char* message;
  } kCases[] = {
      {"HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x'),
       "the head of the answer is longer than 65536 bytes"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nxxxx",
       "a chunk has no valid length"},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxxxx",
       "the answer is compressed, which was not asked for"},
      {"garbage\r\n\r\n", "the answer is not HTTP/1"},
  };
  for (const auto& c : kCases) {
    ServeBytes(c.bytes);
    const HttpResult result = Get();
    EXPECT_EQ(result.error, HttpError::kProtocol) << c.message;
    EXPECT_EQ(result.message, c.message);
  }
}

TEST_F(TransportTest, ManyExchangesLeaveNothingBehind) {
  ServeBytes(kHello);
  const auto transport = MakeTransport(access_);
  const auto open_files = [] {
    std::size_t count = 0;
    for (int file = 0; file < 1024; ++file) count += ::fcntl(file, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  std::size_t before = 0;
  for (int i = 0; i < 60; ++i) {
    if (i == 10) before = open_files();
    Collector collector;
    ASSERT_EQ(transport->Get({"/", limit_}, &collector).error, HttpError::kNone);
  }
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_LE(open_files(), before + 4);
}

}  // namespace
}  // namespace podgate::controller
