// Reads what a client asks of the agent's own little server: GET or HEAD, a path, a query, and
// header lines that are checked and not kept. Whoever reaches the port may send anything. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace podgate::controller {

// Longest request: what kubelets and Prometheus send is some hundred bytes.
inline constexpr std::size_t kMaxRequestBytes = 8 * 1024;

struct HttpQuestion {
  bool head_only = false;      // HEAD: the answer's head without its body
  std::string path;            // begins with "/", as it was sent
  std::string query;           // what follows "?"
  bool from_loopback = false;  // came to a listener of this node alone: known to the server
  // `name` stands between the query's ampersands, with or without a value.
  bool Asks(std::string_view name) const;
};

struct ParsedRequest {
  enum class Progress : std::uint8_t {
    kMore,     // so far nothing is wrong
    kDone,     // `question` is whole; what follows it is not looked at
    kRefused,  // with `status`, whatever follows
  };
  Progress progress = Progress::kMore;
  int status = 0;
  HttpQuestion question;
};

// `bytes`: all that came so far.
ParsedRequest ParseRequest(std::string_view bytes);

}  // namespace podgate::controller
