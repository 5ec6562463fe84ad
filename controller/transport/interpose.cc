#include "controller/transport/interpose.h"

#include <dlfcn.h>
#include <fmt/format.h>
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

// The filter of one connection and what it has let through that nobody read yet; owned by the SSL
// object.
struct FilteredConnection {
  ResponseFilter filter;
  std::string passed;
  std::size_t read = 0;
};

void FreeConnection(void*, void* object, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<FilteredConnection*>(object);
}

int ConnectionIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeConnection);
  return index;
}

FilteredConnection* ConnectionOf(SSL* ssl) {
  auto* connection = static_cast<FilteredConnection*>(SSL_get_ex_data(ssl, ConnectionIndex()));
  if (connection != nullptr) return connection;
  connection = new FilteredConnection;
  if (SSL_set_ex_data(ssl, ConnectionIndex(), connection) == 1) return connection;
  delete connection;
  return nullptr;
}

int Take(FilteredConnection* connection, void* buffer, int size) {
  const std::size_t taken =
      std::min(static_cast<std::size_t>(size), connection->passed.size() - connection->read);
  std::memcpy(buffer, connection->passed.data() + connection->read, taken);
  connection->read += taken;
  if (connection->read == connection->passed.size()) {
    connection->passed.clear();
    connection->read = 0;
  }
  return static_cast<int>(taken);
}

int FilteredRead(SSL* ssl, FailureNote* note, void* buffer, int size) {
  static const auto real = Real<int (*)(SSL*, void*, int)>("SSL_read");
  FilteredConnection* connection = ConnectionOf(ssl);
  if (connection == nullptr || size <= 0) return -1;
  while (connection->passed.empty()) {
    std::array<char, 16384> piece;  // one TLS record
    const int got = real(ssl, piece.data(), static_cast<int>(piece.size()));
    if (got > 0) {
      if (!connection->filter.Feed({piece.data(), static_cast<std::size_t>(got)},
                                   &connection->passed)) {
        note->Set(HttpError::kProtocol, connection->filter.problem());
        connection->passed.clear();
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_PACKET);  // asio takes the reason from OpenSSL's queue
        return -1;
      }
      continue;
    }
    if (SSL_get_error(ssl, got) == SSL_ERROR_ZERO_RETURN)
      connection->filter.Finish(&connection->passed);
    if (connection->passed.empty()) return got;
  }
  return Take(connection, buffer, size);
}

}  // namespace

std::span<const InterposedSymbol> InterposedSymbols() {
  static const std::array kSymbols{
      InterposedSymbol{"getaddrinfo", reinterpret_cast<const void*>(&::getaddrinfo),
                       "IPv6 addresses of API servers cannot be resolved"},
      InterposedSymbol{"SSL_CTX_set_default_verify_paths",
                       reinterpret_cast<const void*>(&::SSL_CTX_set_default_verify_paths),
                       "each connection reads the system's certificates"},
      InterposedSymbol{"SSL_read", reinterpret_cast<const void*>(&::SSL_read),
                       "answers of the API server are not bounded"},
  };
  return kSymbols;
}

nft::Status CheckInterposition(std::span<const InterposedSymbol> symbols) {
  for (const InterposedSymbol& symbol : symbols) {
    // What a library that refers to the name is bound to, and what lies behind it.
    const void* const found = ::dlsym(RTLD_DEFAULT, symbol.name);
    if (found == symbol.ours && Real<const void*>(symbol.name) != nullptr) continue;
    return {nft::Status::Code::kUnsupported,
            fmt::format("libraries do not call the {} of this program, so {}; use a build that "
                        "links cpprestsdk and OpenSSL as shared libraries",
                        symbol.name, symbol.without_it)};
  }
  return {};
}

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
    return podgate::controller::FilteredRead(ssl, note, buffer, size);
  }
  static const auto real = Real<int (*)(SSL*, void*, int)>("SSL_read");
  return real(ssl, buffer, size);
}
