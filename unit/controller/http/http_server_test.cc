// The server against real sockets on loopback: many clients at a time, clients that stall, that
// flood, that go away, and addresses that are not to be had yet.
#include "controller/http/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>

namespace podgate::controller {
namespace {

class Client {
 public:
  explicit Client(std::uint16_t port, in_addr_t from = INADDR_LOOPBACK)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{10, 0};  // of connect()
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(from);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void Send(const std::string& bytes) const {
    ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  // All until the server closes; what came so far when it does not within 10 s.
  std::string Receive() const {
    std::string all;
    char buffer[4096];
    for (;;) {
      pollfd readable{fd_, POLLIN, 0};
      if (::poll(&readable, 1, 10'000) != 1) return all + "\n<no end>";
      const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(got));
    }
  }
  std::string Ask(const std::string& request) const {
    Send(request);
    return Receive();
  }

 private:
  int fd_;
  bool connected_ = false;
};

ListenAddress Loopback(std::uint16_t port = 0) {
  return {ipset::Address::Parse("127.0.0.1"), port};
}

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

struct World {
  explicit World(HttpServer::Limits limits = {}, std::vector<ListenAddress> at = {Loopback()}) {
    server = std::make_unique<HttpServer>(
        at,
        [this](const HttpQuestion& question) {
          ++answered;
          return HttpAnswer{question.path == "/none" ? 404 : 200, "text/plain",
                            question.path + size};
        },
        &log, limits);
  }
  std::uint16_t port() const { return server->ports().at(0); }
  std::string Logged() {
    const std::lock_guard<std::mutex> lock(mutex);
    return logged;
  }

  std::mutex mutex;
  std::string logged;
  Logger log{Logger::Format::kText, LogLevel::kInfo, [this](std::string_view line) {
               const std::lock_guard<std::mutex> lock(mutex);
               logged += line;
             }};
  std::string size;
  std::atomic<int> answered = 0;
  std::unique_ptr<HttpServer> server;
};

const std::string kGet = "GET /page HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(HttpServer, AnswersAndCloses) {
  World world;
  const std::string answer = Client(world.port()).Ask(kGet);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("\r\nContent-Length: 5\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n/page")) << answer;
  const std::string head = Client(world.port()).Ask("HEAD /page HTTP/1.1\r\n\r\n");
  EXPECT_NE(head.find("\r\nContent-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  EXPECT_TRUE(Client(world.port()).Ask("GET /none HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 404 "));
}

TEST(HttpServer, RefusesWithoutAskingTheHandler) {
  World world;
  EXPECT_TRUE(Client(world.port()).Ask("BREW / HTTP/1.1\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(Client(world.port()).Ask("\x16\x03\x01").starts_with("HTTP/1.1 400 "));
  const std::string flood = "GET / HTTP/1.1\r\nA: " + std::string(200'000, 'x');
  EXPECT_TRUE(Client(world.port()).Ask(flood).starts_with("HTTP/1.1 431 "));
  EXPECT_EQ(world.answered, 0);
}

TEST(HttpServer, OneByteAtATime) {
  World world;
  const Client client(world.port());
  for (const char byte : kGet) client.Send(std::string(1, byte));
  EXPECT_TRUE(client.Receive().ends_with("/page"));
}

TEST(HttpServer, StalledClientsDoNotDelayOthers) {
  HttpServer::Limits limits;
  limits.exchange = std::chrono::minutes(10);  // the deadline is not what saves the others
  limits.connections = 16;
  World world(limits);
  // More than there is room for, all of them silent or in the middle of a request.
  std::vector<std::unique_ptr<Client>> stalled;
  for (int i = 0; i < 40; ++i) {
    stalled.push_back(std::make_unique<Client>(world.port()));
    ASSERT_TRUE(stalled.back()->connected());
    if (i % 2 == 0) stalled.back()->Send("GET /page HT");
    EXPECT_TRUE(Client(world.port()).Ask(kGet).ends_with("/page")) << i;
  }
  // The oldest had to go.
  EXPECT_EQ(stalled.front()->Receive(), "");
}

TEST(HttpServer, AFloodedAddressLeavesOthersAlone) {
  HttpServer::Limits limits;
  limits.exchange = std::chrono::minutes(10);
  World world(limits, {Loopback(), Loopback()});
  const Client early(world.server->ports().at(1));
  early.Send("GET /page ");
  std::vector<std::unique_ptr<Client>> flood;
  for (int i = 0; i < 60; ++i) flood.push_back(std::make_unique<Client>(world.port()));
  // All that was connected before it has been seen.
  EXPECT_TRUE(Client(world.port()).Ask(kGet).ends_with("/page"));
  EXPECT_TRUE(early.Ask("HTTP/1.1\r\n\r\n").ends_with("/page"));
}

TEST(HttpServer, AFloodThrowsOutOnlyItsOwnAddress) {
  HttpServer::Limits limits;
  limits.exchange = std::chrono::minutes(10);
  World world(limits);
  const Client early(world.port(), INADDR_LOOPBACK + 1);
  early.Send("GET /page ");
  std::vector<std::unique_ptr<Client>> flood;
  for (int i = 0; i < 200; ++i) flood.push_back(std::make_unique<Client>(world.port()));
  EXPECT_TRUE(Client(world.port()).Ask(kGet).ends_with("/page"));
  EXPECT_TRUE(early.Ask("HTTP/1.1\r\n\r\n").ends_with("/page"));
  EXPECT_EQ(flood.front()->Receive(), "");
}

TEST(HttpServer, SlowClientsHaveTimeBesideAFlood) {
  HttpServer::Limits limits;
  limits.exchange = std::chrono::minutes(10);
  World world(limits);
  const Client early(world.port());
  early.Send("GET /page ");
  std::vector<std::unique_ptr<Client>> flood;
  for (int i = 0; i < 60; ++i) flood.push_back(std::make_unique<Client>(world.port()));
  EXPECT_TRUE(Client(world.port()).Ask(kGet).ends_with("/page"));
  EXPECT_TRUE(early.Ask("HTTP/1.1\r\n\r\n").ends_with("/page"));
}

TEST(HttpServer, ConnectsWhileTheServerIsHeld) {
  std::mutex holding;
  Logger log{Logger::Format::kText, LogLevel::kError, [](std::string_view) {}};
  HttpServer server({Loopback()},
                    [&](const HttpQuestion& question) {
                      const std::lock_guard<std::mutex> lock(holding);
                      return HttpAnswer{200, "text/plain", question.path};
                    },
                    &log, {});
  std::unique_lock<std::mutex> held(holding);
  const Client first(server.ports().at(0));
  first.Send(kGet);
  std::vector<std::unique_ptr<Client>> flood;
  for (int i = 0; i < 300; ++i) {
    flood.push_back(std::make_unique<Client>(server.ports().at(0)));
    ASSERT_TRUE(flood.back()->connected()) << i;
  }
  const Client probe(server.ports().at(0));
  probe.Send(kGet);
  held.unlock();
  EXPECT_TRUE(probe.Receive().ends_with("/page"));
  EXPECT_TRUE(first.Receive().ends_with("/page"));
}

TEST(HttpServer, SilentClientsAreDroppedAfterADeadline) {
  HttpServer::Limits limits;
  limits.exchange = std::chrono::milliseconds(50);
  World world(limits);
  const Client client(world.port());
  client.Send("GET");
  EXPECT_EQ(client.Receive(), "");
}

TEST(HttpServer, AClientThatDoesNotReadIsDropped) {
  HttpServer::Limits limits;
  limits.exchange = std::chrono::milliseconds(100);
  World world(limits);
  world.size = std::string(8u << 20, 'x');  // more than the sockets hold
  const Client client(world.port());
  client.Send(kGet);
  while (world.answered == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(client.Receive().size(), world.size.size());
  EXPECT_TRUE(Client(world.port()).Ask("GET /none HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
}

TEST(HttpServer, AnswersOverTheirEndAreWhole) {
  World world;
  world.size = std::string(3u << 20, 'x');
  const std::string answer = Client(world.port()).Ask(kGet + "and more that nobody asked for");
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, world.size.size() + 5);
}

TEST(HttpServer, LeavesNoDescriptorsBehind) {
  const std::size_t before = OpenDescriptors();
  {
    World world;
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 30; ++i) {
      clients.push_back(std::make_unique<Client>(world.port()));
      if (i % 3 == 0) clients.back()->Send(kGet);
    }
    EXPECT_TRUE(Client(world.port()).Ask(kGet).ends_with("/page"));
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(HttpServer, TakesAnAddressWhenItIsFree) {
  auto first = std::make_unique<World>();
  HttpServer::Limits limits;
  limits.listen_again = std::chrono::milliseconds(10);
  const std::uint16_t port = first->port();
  World second(limits, {Loopback(port), Loopback()});
  EXPECT_EQ(second.server->ports().at(0), 0);
  EXPECT_TRUE(Client(second.server->ports().at(1)).Ask(kGet).ends_with("/page"));
  EXPECT_TRUE(Client(port).Ask(kGet).ends_with("/page"));
  EXPECT_EQ(second.answered, 1);
  first.reset();
  const std::string listening =
      fmt::format("serving probes and metrics address=127.0.0.1:{}\n", port);
  while (second.Logged().find(listening) == std::string::npos)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(Client(port).Ask(kGet).ends_with("/page"));
  EXPECT_EQ(second.answered, 2);
  // However often it was tried, it was said once, with what to do.
  const std::string said = second.Logged();
  const auto at = said.find("cannot listen");
  ASSERT_NE(at, std::string::npos) << said;
  EXPECT_EQ(said.find("cannot listen", at + 1), std::string::npos) << said;
  EXPECT_NE(said.find("do=\"stop the process that listens there"), std::string::npos) << said;
}

TEST(HttpServer, AnAddressThatIsNotOurs) {
  World world({}, {{ipset::Address::Parse("192.0.2.1"), 9099}, Loopback()});
  EXPECT_NE(world.Logged().find("192.0.2.1:9099"), std::string::npos);
  EXPECT_NE(world.Logged().find("reason=\"Cannot assign requested address\""), std::string::npos);
  EXPECT_TRUE(Client(world.server->ports().at(1)).Ask(kGet).ends_with("/page"));
}

TEST(HttpServer, AllAddresses) {
  World world({}, {{std::nullopt, 0}});
  EXPECT_TRUE(Client(world.port()).Ask(kGet).ends_with("/page"));
}

}  // namespace
}  // namespace podgate::controller
