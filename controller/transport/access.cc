#include "controller/transport/access.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "ipset/address.h"

namespace podgate::controller {
namespace {

// Far above any certificate bundle or token.
constexpr std::size_t kMaxCredentialBytes = 4u << 20;
constexpr std::size_t kMaxTokenBytes = 1u << 20;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Status ReadSource(const Source& source, std::string* bytes) {
  if (source.file.empty()) {
    *bytes = source.data;
    return {};
  }
  auto content = ReadFile(source.file, kMaxCredentialBytes);
  if (!content.ok()) return content.status();
  *bytes = std::move(content).value();
  return {};
}

bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= 253 &&
         std::all_of(host.begin(), host.end(), [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '.' || c == '_';
         });
}

}  // namespace

std::string ApiAccess::Url() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return fmt::format("https://{}{}{}:{}{}", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port, path);
}

Result<std::string> ReadFile(const std::string& path, std::size_t limit) {
  const auto fail = [&path](const char* reason) {
    return Status(Status::Code::kNotFound, fmt::format("cannot read {}: {}", path, reason));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             std::fclose);
  if (file == nullptr) return fail(std::strerror(errno));
  struct stat about {};
  if (::fstat(::fileno(file.get()), &about) == 0 && S_ISDIR(about.st_mode))
    return fail("it is a directory");
  std::string content;
  std::array<char, 16384> piece;
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), file.get())) {
    content.append(piece.data(), got);
    if (content.size() > limit) {
      return Status(Status::Code::kTooBig,
                    fmt::format("cannot read {}: it is longer than {} bytes", path, limit));
    }
  }
  if (std::ferror(file.get()) != 0) return fail(std::strerror(errno));
  return content;
}

Result<Credentials> ReadCredentials(const ApiAccess& access) {
  Credentials result;
  for (const auto& [source, bytes] :
       {std::pair{&access.ca, &result.ca_pem},
        std::pair{&access.client_certificate, &result.certificate_pem},
        std::pair{&access.client_key, &result.key_pem}, std::pair{&access.token, &result.token}}) {
    if (Status status = ReadSource(*source, bytes); !status.ok()) return status;
  }
  const std::string_view token = Trim(result.token);
  const std::string where = access.token.file.empty() ? access.origin : access.token.file;
  if (access.token.given() && token.empty()) {
    return Status(Status::Code::kInvalid, fmt::format("the token in {} is empty", where));
  }
  // The token goes into a header line as it is.
  const bool fits =
      token.size() <= kMaxTokenBytes &&
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (!fits) {
    return Status(Status::Code::kInvalid,
                  fmt::format("the token in {} holds characters that a token cannot have", where));
  }
  result.token = std::string(token);
  return result;
}

std::string ParseServerUrl(const std::string& url, ApiAccess* access) {
  constexpr std::string_view kScheme = "https://";
  std::string_view rest = url;
  if (rest.substr(0, kScheme.size()) != kScheme) {
    return fmt::format(
        "server \"{}\" must be an https:// URL; Podgate speaks to API servers over TLS only", url);
  }
  rest.remove_prefix(kScheme.size());
  const auto end = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, end);
  std::string_view path = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  const bool plain_path = std::all_of(path.begin(), path.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != '?' && c != '#';
  });
  if (!plain_path || authority.find('@') != std::string_view::npos) {
    return fmt::format(
        "server \"{}\" must be https://HOST[:PORT][/PATH], without user, query or fragment", url);
  }

  std::string_view port;
  if (!authority.empty() && authority.front() == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos)
      return fmt::format("server \"{}\" has a '[' without its ']'", url);
    access->host = std::string(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    const auto address = ipset::Address::Parse(access->host);
    if (!address || access->host.find(':') == std::string::npos) {
      return fmt::format("server \"{}\" has no IPv6 address between its brackets", url);
    }
  } else {
    const auto colon = authority.find(':');
    access->host = std::string(authority.substr(0, colon));
    port = colon == std::string_view::npos ? std::string_view() : authority.substr(colon);
    if (!IsHostName(access->host)) {
      return fmt::format(
          "server \"{}\" has no valid host name or address; write IPv6 addresses in brackets", url);
    }
  }
  access->port = 443;
  if (!port.empty()) {
    unsigned number = 0;
    const char* first = port.data() + 1;
    const char* last = port.data() + port.size();
    const auto [stop, error] = std::from_chars(first, last, number);
    if (port.front() != ':' || error != std::errc() || stop != last || number == 0 ||
        number > 65535) {
      return fmt::format("server \"{}\" has no valid port after its host", url);
    }
    access->port = static_cast<std::uint16_t>(number);
  }
  access->path = std::string(path);
  return {};
}

bool DecodeBase64(const std::string& text, std::string* bytes) {
  const std::unique_ptr<EVP_ENCODE_CTX, void (*)(EVP_ENCODE_CTX*)> context(EVP_ENCODE_CTX_new(),
                                                                           EVP_ENCODE_CTX_free);
  std::string compact;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    const bool known = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '+' || c == '/' || c == '=';
    if (!known) return false;
    compact += c;
  }
  if (context == nullptr || compact.size() % 4 != 0) return false;
  bytes->resize(compact.size() / 4 * 3 + 1);
  int written = 0;
  int tail = 0;
  auto* out = reinterpret_cast<unsigned char*>(bytes->data());
  EVP_DecodeInit(context.get());
  if (EVP_DecodeUpdate(context.get(), out, &written,
                       reinterpret_cast<const unsigned char*>(compact.data()),
                       static_cast<int>(compact.size())) < 0 ||
      EVP_DecodeFinal(context.get(), out + written, &tail) < 0) {
    return false;
  }
  bytes->resize(static_cast<std::size_t>(written + tail));
  return true;
}

}  // namespace podgate::controller
