// A TLS server for tests on a port of its own: a handler for each connection that reads what was
// asked and writes any bytes at all.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "unit/controller/transport/test_pki.h"

namespace podgate::controller {

class TlsConnection {
 public:
  TlsConnection(SSL* ssl, int socket) : ssl_(ssl), socket_(socket) {}
  // The head of the request.
  const std::string& request() const { return request_; }
  const std::string& server_name() const { return server_name_; }
  bool Write(const std::string& bytes);
  void CloseProperly();  // close_notify, then FIN
  void Reset();          // RST
  // Waits until the client goes away; false when it has not after `milliseconds`.
  bool AwaitClose(int milliseconds);

 private:
  friend class TlsServer;
  SSL* ssl_;
  int socket_;
  std::string request_;
  std::string server_name_;
};

class TlsServer {
 public:
  using Handler = std::function<void(TlsConnection*)>;
  // Listens on 127.0.0.1, or on ::1. With `client_ca` it asks for a certificate signed by that.
  TlsServer(const Identity& identity, Handler handler, const std::string& client_ca = {},
            bool ipv6 = false);
  ~TlsServer();

  bool listening() const { return listener_ >= 0; }
  int port() const { return port_; }
  int connections() const { return connections_; }  // completed handshakes

 private:
  void Serve(int socket);
  Handler handler_;
  SSL_CTX* context_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> sockets_;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace podgate::controller
