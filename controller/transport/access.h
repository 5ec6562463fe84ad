// How to reach an API server and as whom: what a kubeconfig or a pod's service account says,
// checked and with paths resolved. Certificates and tokens that are files are read anew for each
// attempt, because they rotate. Values only, but for ReadCredentials().
#pragma once

#include <cstdint>
#include <string>

#include "nft/base/status.h"

namespace podgate::controller {

using nft::Result;
using nft::Status;

// Bytes given in place, or the file that holds them; neither: not given.
struct Source {
  std::string data;
  std::string file;
  bool given() const { return !data.empty() || !file.empty(); }
};

struct ApiAccess {
  std::string host;  // a name or an address, IPv6 without brackets
  std::uint16_t port = 443;
  std::string path;             // before /api, without a slash at its end; usually empty
  std::string tls_server_name;  // empty: `host`
  Source ca;                    // PEM, one certificate or more; nothing else is trusted
  Source client_certificate;    // PEM chain; with client_key or not at all
  Source client_key;            // PEM
  Source token;
  std::string
      origin;  // "kubeconfig FILE, context NAME" or "the pod's service account", for messages

  // The name that the server's certificate must carry.
  const std::string& verified_name() const {
    return tls_server_name.empty() ? host : tls_server_name;
  }
  std::string Url() const;  // "https://host:port/path", for messages and requests
};

// What the sources hold at this moment.
struct Credentials {
  std::string ca_pem;
  std::string certificate_pem;
  std::string key_pem;
  std::string token;
};

// Reads all sources. An error names the file and what is wrong with it, never its content.
Result<Credentials> ReadCredentials(const ApiAccess& access);

// Whole file, at most `limit` bytes. An error names the file and the reason.
Result<std::string> ReadFile(const std::string& path, std::size_t limit);

// Fills host, port and path of `access` from "https://host[:port][/path]". A message, empty when it
// is fine.
std::string ParseServerUrl(const std::string& url, ApiAccess* access);

// Standard base64 as Go reads it: padding needed, line breaks passed over. False: not base64.
bool DecodeBase64(const std::string& text, std::string* bytes);

}  // namespace podgate::controller
