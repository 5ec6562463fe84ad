#include "controller/base/instance_lock.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <thread>
#include <utility>

namespace podgate::controller {
namespace {

constexpr std::chrono::milliseconds kTryEvery{100};
constexpr std::size_t kMaxIntroduction = 200;
constexpr int kIntroductionMs = 500;

struct Name {
  sockaddr_un address{};
  socklen_t size = 0;
};

Name AbstractName(const std::string& name) {
  Name made;
  made.address.sun_family = AF_UNIX;
  // The first byte stays zero: no file of that name is made.
  const std::size_t bytes = std::min(name.size(), sizeof(made.address.sun_path) - 1);
  std::memcpy(made.address.sun_path + 1, name.data(), bytes);
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + bytes);
  return made;
}

int NewSocket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

// What the holder says of itself; empty when it says nothing in time.
std::string Introduction(int socket) {
  pollfd readable{socket, POLLIN, 0};
  if (::poll(&readable, 1, kIntroductionMs) <= 0) return {};
  std::array<char, kMaxIntroduction> buffer{};
  const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
  std::string text(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

}  // namespace

InstanceLock::InstanceLock(std::string name, std::string introduction)
    : name_(std::move(name)), introduction_(std::move(introduction)) {}

InstanceLock::~InstanceLock() {
  answering_.reset();
  if (listener_ >= 0) ::close(listener_);
}

InstanceLock::Outcome InstanceLock::Take(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const int error = Bind();
    if (error == 0) return Outcome::kTaken;
    if (error != EADDRINUSE) {
      reason_ = std::strerror(error);
      return Outcome::kUnavailable;
    }
    if (std::chrono::steady_clock::now() >= until)
      return AskHolder() ? Outcome::kHeld : Outcome::kUnavailable;
    std::this_thread::sleep_for(kTryEvery);
  }
}

// 0, or the error's number.
int InstanceLock::Bind() {
  const int socket = NewSocket();
  if (socket < 0) return errno;
  const Name name = AbstractName(name_);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&name.address), name.size) == 0 &&
      ::listen(socket, SOMAXCONN) == 0) {
    listener_ = socket;
    return 0;
  }
  const int error = errno;
  ::close(socket);
  return error;
}

// False: the holder runs as another user.
bool InstanceLock::AskHolder() {
  reason_ = "a process that does not answer";
  const int socket = NewSocket();
  if (socket < 0) return true;
  const Name name = AbstractName(name_);
  bool same_user = true;
  ucred holder{};
  socklen_t size = sizeof(holder);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&name.address), name.size) == 0 &&
      ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &holder, &size) == 0) {
    same_user = holder.uid == ::geteuid();
    reason_ = holder.pid > 0 ? "pid " + std::to_string(holder.pid) : "in another PID namespace";
    if (!same_user) {
      reason_ += ", of user " + std::to_string(holder.uid);
    } else if (const std::string text = Introduction(socket); !text.empty()) {
      reason_ += ", " + text;
    }
  }
  ::close(socket);
  return same_user;
}

void InstanceLock::Answer() {
  answering_ = std::make_unique<WakeOn>(listener_, [this] { Introduce(); });
}

void InstanceLock::Introduce() const {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;
    (void)::send(socket, introduction_.data(), std::min(introduction_.size(), kMaxIntroduction),
                 MSG_NOSIGNAL);
    ::close(socket);
  }
}

}  // namespace podgate::controller
