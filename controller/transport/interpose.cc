// getaddrinfo: cpprestsdk passes the host of https://[fd00::1]:6443 on with its brackets, which no
// resolver knows. SSL_read: what the server sends goes through an ResponseFilter before cpprestsdk
// sees it, on connections that ConfigureTls() prepared. Both call the real function for everything
// else. The dynamic linker prefers a definition in the executable to one in a library, so there is
// nothing to switch on.
#include "controller/transport/interpose.h"

#include <dlfcn.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "controller/transport/response_filter.h"
#include "controller/transport/tls.h"

namespace podgate::controller {
namespace {

template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

// The guard of one connection and what it has let through that nobody read yet; owned by the SSL
// object.
struct Stream {
  ResponseFilter guard;
  std::string passed;
  std::size_t read = 0;
};

void FreeStream(void*, void* object, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Stream*>(object);
}

int StreamIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeStream);
  return index;
}

Stream* StreamOf(SSL* ssl) {
  auto* stream = static_cast<Stream*>(SSL_get_ex_data(ssl, StreamIndex()));
  if (stream != nullptr) return stream;
  stream = new Stream;
  if (SSL_set_ex_data(ssl, StreamIndex(), stream) == 1) return stream;
  delete stream;
  return nullptr;
}

int Take(Stream* stream, void* buffer, int size) {
  const std::size_t taken =
      std::min(static_cast<std::size_t>(size), stream->passed.size() - stream->read);
  std::memcpy(buffer, stream->passed.data() + stream->read, taken);
  stream->read += taken;
  if (stream->read == stream->passed.size()) {
    stream->passed.clear();
    stream->read = 0;
  }
  return static_cast<int>(taken);
}

int GuardedRead(SSL* ssl, FailureNote* note, void* buffer, int size) {
  static const auto real = Real<int (*)(SSL*, void*, int)>("SSL_read");
  Stream* stream = StreamOf(ssl);
  if (stream == nullptr || size <= 0) return -1;
  while (stream->passed.empty()) {
    std::array<char, 16384> piece;  // one TLS record
    const int got = real(ssl, piece.data(), static_cast<int>(piece.size()));
    if (got > 0) {
      if (!stream->guard.Feed({piece.data(), static_cast<std::size_t>(got)}, &stream->passed)) {
        note->Set(HttpError::kProtocol, stream->guard.problem());
        stream->passed.clear();
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_PACKET);  // asio takes the reason from OpenSSL's queue
        return -1;
      }
      continue;
    }
    if (SSL_get_error(ssl, got) == SSL_ERROR_ZERO_RETURN) stream->guard.Finish(&stream->passed);
    if (stream->passed.empty()) return got;
  }
  return Take(stream, buffer, size);
}

}  // namespace

bool CallsAreInterposed() { return ::dlsym(RTLD_DEFAULT, "SSL_read") != Real<void*>("SSL_read"); }

}  // namespace podgate::controller

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  using podgate::controller::Real;
  static const auto real =
      Real<int (*)(const char*, const char*, const addrinfo*, addrinfo**)>("getaddrinfo");
  const std::size_t length = node == nullptr ? 0 : std::strlen(node);
  if (length > 2 && node[0] == '[' && node[length - 1] == ']') {
    return real(std::string(node + 1, length - 2).c_str(), service, hints, result);
  }
  return real(node, service, hints, result);
}

extern "C" int SSL_CTX_set_default_verify_paths(SSL_CTX*) { return 1; }

extern "C" int SSL_read(SSL* ssl, void* buffer, int size) {
  using podgate::controller::Real;
  if (auto* note = podgate::controller::NoteOf(SSL_get_SSL_CTX(ssl)); note != nullptr) {
    return podgate::controller::GuardedRead(ssl, note, buffer, size);
  }
  static const auto real = Real<int (*)(SSL*, void*, int)>("SSL_read");
  return real(ssl, buffer, size);
}
