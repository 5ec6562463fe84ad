#include "unit/controller/transport/tls_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace podgate::controller {
namespace {

BIO* Reader(const std::string& text) {
  return BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
}

}  // namespace

bool TlsConnection::Write(const std::string& bytes) {
  return bytes.empty() || SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

void TlsConnection::CloseProperly() {
  SSL_shutdown(ssl_);
  ::shutdown(socket_, SHUT_WR);
}

void TlsConnection::Reset() {
  const linger hard{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(socket_);
  socket_ = -1;
}

bool TlsConnection::AwaitClose(int milliseconds) {
  pollfd waiting{socket_, POLLIN, 0};
  std::array<char, 4096> rest;
  while (::poll(&waiting, 1, milliseconds) > 0) {
    if (::recv(socket_, rest.data(), rest.size(), 0) <= 0) return true;
  }
  return false;
}

TlsServer::TlsServer(const Identity& identity, Handler handler, const std::string& client_ca,
                     bool ipv6)
    : handler_(std::move(handler)), context_(SSL_CTX_new(TLS_server_method())) {
  std::signal(SIGPIPE, SIG_IGN);
  BIO* bio = Reader(identity.certificate_pem);
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  bio = Reader(identity.key_pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  SSL_CTX_use_certificate(context_, certificate);
  SSL_CTX_use_PrivateKey(context_, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (!client_ca.empty()) {
    bio = Reader(client_ca);
    X509* root = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), root);
    X509_free(root);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }

  const int listener = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage address{};
  socklen_t length = 0;
  if (ipv6) {
    auto* a = reinterpret_cast<sockaddr_in6*>(&address);
    a->sin6_family = AF_INET6;
    a->sin6_addr = in6addr_loopback;
    length = sizeof *a;
  } else {
    auto* a = reinterpret_cast<sockaddr_in*>(&address);
    a->sin_family = AF_INET;
    a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    length = sizeof *a;
  }
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(listener, 16) != 0) {
    ::close(listener);
    return;
  }
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(ipv6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                     : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  listener_ = listener;
  acceptor_ = std::jthread([this](const std::stop_token& stop) {
    pollfd waiting{listener_, POLLIN, 0};
    while (!stop.stop_requested()) {
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      const std::lock_guard<std::mutex> lock(mutex_);
      sockets_.push_back(socket);
      threads_.emplace_back([this, socket] { Serve(socket); });
    }
  });
}

TlsServer::~TlsServer() {
  acceptor_.request_stop();
  if (acceptor_.joinable()) acceptor_.join();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  threads_.clear();
  if (listener_ >= 0) ::close(listener_);
  SSL_CTX_free(context_);
}

void TlsServer::Serve(int socket) {
  SSL* ssl = SSL_new(context_);
  SSL_set_fd(ssl, socket);
  TlsConnection connection(ssl, socket);
  if (SSL_accept(ssl) == 1) {
    ++connections_;
    if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
      connection.server_name_ = name;
    std::array<char, 4096> piece;
    while (connection.request_.find("\r\n\r\n") == std::string::npos) {
      const int got = SSL_read(ssl, piece.data(), static_cast<int>(piece.size()));
      if (got <= 0) break;
      connection.request_.append(piece.data(), static_cast<std::size_t>(got));
    }
    if (!connection.request_.empty()) handler_(&connection);
  } else {
    // The alert is on its way; closing over unread bytes would overtake it with a reset.
    ::shutdown(socket, SHUT_WR);
    connection.AwaitClose(1000);
  }
  SSL_free(ssl);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::erase(sockets_, socket);
  }
  if (connection.socket_ >= 0) ::close(socket);
}

}  // namespace podgate::controller
