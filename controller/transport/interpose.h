// Three functions of the C library and of OpenSSL that this program defines itself, because
// cpprestsdk, which is only to be had as it is, offers no other way. The dynamic linker prefers a
// definition in the executable to one in a library, so cpprestsdk calls ours:
//
//   getaddrinfo                       by asio_context::start_request(), which resolves the URL's
//                                     host by Boost.Asio. For https://[fd00::1]:6443 it passes the
//                                     brackets on, which no resolver knows; ours takes them off
//   SSL_CTX_set_default_verify_paths  by asio_connection::upgrade_to_ssl(), before our callback
//                                     sees the context: it would read the system's certificate
//                                     bundle for each connection, to be dropped again at once; ours
//                                     does nothing, and only the cluster's CA is ever loaded
//   SSL_read                          by async_read() and async_read_until(), through Boost.Asio's
//                                     ssl::detail::engine::read(): ours passes what the server
//                                     sends through a ResponseFilter, without which a hostile or
//                                     broken server exhausts our memory
#pragma once

#include <span>

#include "nft/base/status.h"

namespace podgate::controller {

// One function that is to be ours.
struct InterposedSymbol {
  const char* name;
  const void* ours;
  const char* without_it;  // what goes wrong, as the end of a sentence
};

std::span<const InterposedSymbol> InterposedSymbols();

// Whether calls by libraries of this process arrive at each of them. An error names the first that
// does not, and what that means. Any thread.
nft::Status CheckInterposition(std::span<const InterposedSymbol> symbols = InterposedSymbols());

}  // namespace podgate::controller
