#include "controller/http/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

namespace podgate::controller {
namespace {

// New connections that are taken before the others have their turn, and how often: a flood that
// woke the thread for each of its connections would take the processor from the rules.
constexpr int kAcceptAtOnce = 32;
constexpr std::chrono::milliseconds kAcceptEvery{5};
// A processor limit may hold the process for most of its period, and whoever finds the backlog full
// tries again only after a second.
constexpr int kBacklog = 512;
constexpr std::chrono::milliseconds kAcceptPause{100};
// What a client may still send while it is told goodbye.
constexpr std::size_t kMaxPassedOver = 64 * 1024;

Clock::Time Now() { return std::chrono::steady_clock::now(); }

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

SocketAddress MakeAddress(int family, const ListenAddress& listen, socklen_t* size) {
  SocketAddress made{};
  if (family == AF_INET) {
    made.v4.sin_family = AF_INET;
    made.v4.sin_port = htons(listen.port);
    if (listen.address) std::memcpy(&made.v4.sin_addr, listen.address->bytes().data(), 4);
    *size = sizeof made.v4;
  } else {
    made.v6.sin6_family = AF_INET6;
    made.v6.sin6_port = htons(listen.port);
    if (listen.address) std::memcpy(&made.v6.sin6_addr, listen.address->bytes().data(), 16);
    *size = sizeof made.v6;
  }
  return made;
}

// -1 with errno.
int OpenListener(int family, const ListenAddress& listen) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int v6_only = listen.address ? 1 : 0;
  if (family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  socklen_t size = 0;
  const SocketAddress address = MakeAddress(family, listen, &size);
  if (::bind(fd, &address.any, size) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

std::array<std::uint8_t, 16> ClientOf(const SocketAddress& address) {
  std::array<std::uint8_t, 16> client{};
  if (address.any.sa_family == AF_INET6) {
    std::memcpy(client.data(), &address.v6.sin6_addr, 16);
  } else {
    std::memcpy(client.data(), &address.v4.sin_addr, 4);
  }
  return client;
}

std::uint16_t PortOf(int fd) {
  SocketAddress address{};
  socklen_t size = sizeof address;
  if (fd < 0 || ::getsockname(fd, &address.any, &size) != 0) return 0;
  return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

const char* WhatToDo(int error) {
  switch (error) {
    case EADDRINUSE:
      return "stop the process that listens there, or give another port with --listen";
    case EADDRNOTAVAIL:
      return "give an address of this node with --listen; one that is added later is used then";
    case EACCES:
      return "give a port of 1024 or higher with --listen";
    default:
      return "check whether the node is short of memory or file descriptors";
  }
}

const char* ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

bool IsTemporary(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

HttpServer::HttpServer(const std::vector<ListenAddress>& addresses, Handler handler, Logger* log,
                       Limits limits)
    : handler_(std::move(handler)), log_(log), limits_(limits) {
  stop_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_ < 0) {
    log_->Error(LogMessages::kNotServing,
                {{"reason", std::strerror(errno)}, {"do", WhatToDo(errno)}});
    return;
  }
  for (const ListenAddress& address : addresses) {
    listeners_.push_back({address, -1, 0, {}});
    Listen(&listeners_.back());
    ports_.push_back(PortOf(listeners_.back().fd));
  }
  thread_ = std::jthread([this] { Run(); });
}

HttpServer::~HttpServer() {
  if (stop_ < 0) return;
  ::eventfd_write(stop_, 1);
  thread_.join();
  for (const Connection& connection : connections_) ::close(connection.fd);
  for (const Listener& listener : listeners_) {
    if (listener.fd >= 0) ::close(listener.fd);
  }
  ::close(stop_);
}

// ---- listening

void HttpServer::Listen(Listener* listener) {
  const auto& address = listener->address.address;
  const bool v4 = address && address->family() == ipset::Family::kIPv4;
  listener->fd = OpenListener(v4 ? AF_INET : AF_INET6, listener->address);
  // All addresses, of a kernel without IPv6.
  if (listener->fd < 0 && !address && errno == EAFNOSUPPORT)
    listener->fd = OpenListener(AF_INET, listener->address);
  if (listener->fd >= 0) {
    listener->problem = 0;
    log_->Info(LogMessages::kServing, {{"address", listener->address.ToString()}});
    return;
  }
  const int error = errno;
  listener->next_attempt = Now() + limits_.listen_again;
  if (std::exchange(listener->problem, error) == error) return;
  log_->Error(LogMessages::kNotListening, {{"address", listener->address.ToString()},
                                           {"reason", std::strerror(error)},
                                           {"do", WhatToDo(error)},
                                           {"retry_ms", limits_.listen_again.count()}});
}

void HttpServer::ListenAgain(Clock::Time now) {
  for (Listener& listener : listeners_) {
    if (listener.fd < 0 && now >= listener.next_attempt) Listen(&listener);
  }
}

void HttpServer::Accept(std::size_t listener, Clock::Time now) {
  accept_again_ = std::max<Clock::Time>(accept_again_, now + kAcceptEvery);
  for (int i = 0; i < kAcceptAtOnce; ++i) {
    SocketAddress client{};
    socklen_t size = sizeof client;
    const int fd =
        ::accept4(listeners_[listener].fd, &client.any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      // Everything else is about the one connection that was to come.
      const bool short_of =
          errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (short_of) accept_again_ = now + kAcceptPause;
      return;
    }
    MakeRoom(listener);
    Connection connection;
    connection.fd = fd;
    connection.listener = listener;
    connection.client = ClientOf(client);
    connection.deadline = now + limits_.exchange;
    // Mostly the request is there already.
    if (Continue(&connection, now)) {
      connections_.push_back(std::move(connection));
    } else {
      ::close(fd);
    }
  }
}

void HttpServer::MakeRoom(std::size_t listener) {
  std::map<std::array<std::uint8_t, 16>, std::size_t> clients;
  std::size_t open = 0;
  std::size_t most = 0;
  for (const Connection& connection : connections_) {
    if (connection.listener != listener) continue;
    ++open;
    most = std::max(most, ++clients[connection.client]);
  }
  if (open < limits_.connections) return;
  const auto oldest =
      std::find_if(connections_.begin(), connections_.end(), [&](const Connection& connection) {
        return connection.listener == listener && clients[connection.client] == most;
      });
  ::close(oldest->fd);
  connections_.erase(oldest);
}

// ---- one connection

bool HttpServer::Continue(Connection* connection, Clock::Time now) {
  if (connection->state == Connection::State::kReading && !Read(connection)) return false;
  if (connection->state == Connection::State::kWriting && !Write(connection, now)) return false;
  return connection->state != Connection::State::kClosing || PassOver(connection);
}

bool HttpServer::Read(Connection* connection) {
  std::array<char, 2048> buffer;
  for (;;) {
    const ssize_t got = ::recv(connection->fd, buffer.data(), buffer.size(), 0);
    if (got < 0) return IsTemporary(errno);
    if (got == 0) return false;
    connection->in.append(buffer.data(), static_cast<std::size_t>(got));
    const ParsedRequest request = ParseRequest(connection->in);
    if (request.progress == ParsedRequest::Progress::kMore) continue;
    Answer(request, connection);
    return true;
  }
}

void HttpServer::Answer(const ParsedRequest& request, Connection* connection) {
  HttpAnswer answer;
  if (request.progress == ParsedRequest::Progress::kDone) {
    HttpQuestion question = request.question;
    question.from_loopback = IsLoopback(listeners_[connection->listener].address);
    answer = handler_(question);
  } else {
    answer.status = request.status;
    answer.body = fmt::format("{}: send GET or HEAD and a path over HTTP/1.1\n",
                              ReasonPhrase(request.status));
  }
  connection->out = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Cache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
      answer.status, ReasonPhrase(answer.status), answer.content_type, answer.body.size(),
      answer.status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (!request.question.head_only) connection->out += answer.body;
  connection->in = {};
  connection->state = Connection::State::kWriting;
}

bool HttpServer::Write(Connection* connection, Clock::Time now) {
  while (connection->sent < connection->out.size()) {
    const ssize_t sent = ::send(connection->fd, connection->out.data() + connection->sent,
                                connection->out.size() - connection->sent, MSG_NOSIGNAL);
    if (sent < 0) return IsTemporary(errno);
    connection->sent += static_cast<std::size_t>(sent);
  }
  // What the client has sent and nobody has read would turn our close into a reset, and the reset
  // could overtake the answer.
  ::shutdown(connection->fd, SHUT_WR);
  connection->out = {};
  connection->state = Connection::State::kClosing;
  connection->deadline = std::min<Clock::Time>(connection->deadline, now + limits_.goodbye);
  return true;
}

bool HttpServer::PassOver(Connection* connection) {
  std::array<char, 2048> buffer;
  while (connection->passed_over < kMaxPassedOver) {
    const ssize_t got = ::recv(connection->fd, buffer.data(), buffer.size(), 0);
    if (got < 0) return IsTemporary(errno);
    if (got == 0) return false;
    connection->passed_over += static_cast<std::size_t>(got);
  }
  return false;
}

// ---- the thread

int HttpServer::Timeout(Clock::Time now) const {
  Clock::Time next = Clock::Time::max();
  for (const Listener& listener : listeners_) {
    if (listener.fd < 0) next = std::min(next, listener.next_attempt);
  }
  if (accept_again_ > now) next = std::min(next, accept_again_);
  for (const Connection& connection : connections_) next = std::min(next, connection.deadline);
  if (next == Clock::Time::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

void HttpServer::Run() {
  std::vector<pollfd> polled;
  for (;;) {
    Clock::Time now = Now();
    const bool accepting = now >= accept_again_;
    polled.clear();
    polled.push_back({stop_, POLLIN, 0});
    for (const Listener& listener : listeners_)
      polled.push_back({accepting ? listener.fd : -1, POLLIN, 0});
    for (const Connection& connection : connections_) {
      const bool writing = connection.state == Connection::State::kWriting;
      polled.push_back({connection.fd, static_cast<short>(writing ? POLLOUT : POLLIN), 0});
    }
    if (::poll(polled.data(), polled.size(), Timeout(now)) < 0 && errno != EINTR) return;
    if (polled[0].revents != 0) return;
    now = Now();
    // Those that are there first: new ones may take their places.
    const auto* of_connection = polled.data() + 1 + listeners_.size();
    std::erase_if(connections_, [&](Connection& connection) {
      const bool ready = (of_connection++)->revents != 0;
      if ((!ready || Continue(&connection, now)) && now < connection.deadline) return false;
      ::close(connection.fd);
      return true;
    });
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      if (polled[1 + i].revents != 0) Accept(i, now);
    }
    ListenAgain(now);
  }
}

}  // namespace podgate::controller
