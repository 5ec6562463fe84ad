// The agent's own HTTP server, for probes and metrics: one thread, poll(), one short answer for
// each connection. Not a library's: those at hand give each connection a thread of a small pool, or
// have no timer, so that a client which connects and then says nothing makes a probe wait, and a
// probe that waits too long restarts a firewall. Here nobody waits for anybody: a connection has a
// deadline, and when too many are open the oldest one makes room, of the client address that has
// most of them: who floods the server throws out only itself. Bounded for each address that is
// listened on, so that who floods one is not noticed at another.
//
// An address that cannot be had is tried again every few seconds: a node may get it later, and the
// firewall does not depend on it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/http/http_request.h"
#include "controller/http/listen_address.h"

namespace podgate::controller {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  struct Limits {
    // For each address. Where the flood comes from the prober's own address, as from a process of
    // the node, the prober has the time in which so many others connect to send its question.
    std::size_t connections = 64;
    std::chrono::milliseconds exchange{5000};      // from connecting to the end of the answer
    std::chrono::milliseconds goodbye{1000};       // for the client to close after its answer
    std::chrono::milliseconds listen_again{5000};  // while an address cannot be had
  };
  // Called on the server's thread.
  using Handler = std::function<HttpAnswer(const HttpQuestion&)>;

  // Tries all addresses at once, and serves until destroyed. Port 0, for tests: any.
  HttpServer(const std::vector<ListenAddress>& addresses, Handler handler, Logger* log,
             Limits limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The port of each address, as it was when the constructor returned; 0: not listening.
  const std::vector<std::uint16_t>& ports() const { return ports_; }

 private:
  struct Listener {
    ListenAddress address;
    int fd = -1;
    int problem = 0;  // the errno value that was logged last
    Clock::Time next_attempt;
  };
  struct Connection {
    enum class State : std::uint8_t { kReading, kWriting, kClosing };
    int fd = -1;
    std::size_t listener = 0;
    std::array<std::uint8_t, 16> client{};  // its address; an IPv4 one in the first four bytes
    State state = State::kReading;
    Clock::Time deadline;
    std::string in;
    std::string out;
    std::size_t sent = 0;
    std::size_t passed_over = 0;  // bytes that came after the answer
  };

  void Run();
  int Timeout(Clock::Time now) const;
  void Listen(Listener* listener);
  void ListenAgain(Clock::Time now);
  void Accept(std::size_t listener, Clock::Time now);
  void MakeRoom(std::size_t listener);
  // False: the connection is over.
  bool Continue(Connection* connection, Clock::Time now);
  bool Read(Connection* connection);
  bool Write(Connection* connection, Clock::Time now);
  static bool PassOver(Connection* connection);
  void Answer(const ParsedRequest& request, Connection* connection);

  const Handler handler_;
  Logger* const log_;
  const Limits limits_;
  std::vector<std::uint16_t> ports_;
  int stop_ = -1;  // an eventfd

  // From here on the server's thread alone.
  std::vector<Listener> listeners_;
  std::vector<Connection> connections_;  // oldest first
  Clock::Time accept_again_;  // later after the system had no descriptor or memory to spare
  std::jthread thread_;
};

}  // namespace podgate::controller
