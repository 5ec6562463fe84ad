#include "controller/http/listen_address.h"

#include <fmt/format.h>

#include <charconv>

namespace podgate::controller {

std::string ListenAddress::ToString() const {
  if (!address) return fmt::format(":{}", port);
  if (address->family() == ipset::Family::kIPv4)
    return fmt::format("{}:{}", address->ToString(), port);
  return fmt::format("[{}]:{}", address->ToString(), port);
}

std::optional<ListenAddress> ParseListenAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  ListenAddress listen;
  const char* const end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, listen.port);
  if (error != std::errc() || stop != end || listen.port == 0) return std::nullopt;
  if (host.empty()) return listen;
  if (host == "localhost") host = "127.0.0.1";
  const bool brackets = host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  listen.address = ipset::Address::Parse(host);
  const bool v6_text = host.find(':') != std::string_view::npos;
  if (!listen.address || (brackets && !v6_text)) return std::nullopt;
  return listen;
}

bool IsLoopback(const ListenAddress& listen) {
  if (!listen.address) return false;
  static const ipset::Prefix kV4 = *ipset::Prefix::Parse("127.0.0.0/8");
  static const ipset::Prefix kV6 = *ipset::Prefix::Parse("::1/128");
  return kV4.Contains(*listen.address) || kV6.Contains(*listen.address);
}

}  // namespace podgate::controller
