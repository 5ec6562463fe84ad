// What makes a TLS context trust one cluster and nothing else: at least TLS 1.2, only the CA given
// (the system's roots are dropped), the server's certificate checked for the name or address that
// we mean as Go does it (subject alternative names only), and our own certificate if there is one.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>

#include "controller/transport/access.h"
#include "controller/transport/transport.h"

namespace podgate::controller {

// Why we ended a connection ourselves: cpprestsdk only reports "verify failed" or a number. Any
// thread.
class FailureNote {
 public:
  void Set(HttpError error, std::string text);
  HttpError error() const;  // kNone: nothing noted
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  HttpError error_ = HttpError::kNone;
  std::string text_;
};

// `note` is kept as long as the context lives.
Status ConfigureTls(SSL_CTX* context, const Credentials& credentials,
                    const std::string& verified_name, std::shared_ptr<FailureNote> note);

// The note of a context that was configured here; nullptr for any other.
FailureNote* NoteOf(const SSL_CTX* context);

}  // namespace podgate::controller
