// Keys and certificates for tests, made in memory.
#pragma once

#include <string>
#include <vector>

namespace podgate::controller {

struct Identity {
  std::string certificate_pem;
  std::string key_pem;
};

// A CA of its own.
Identity MakeCa(const std::string& name);
// Signed by `ca`. `names` as OpenSSL writes them: "DNS:localhost", "IP:127.0.0.1"; none: no such
// extension.
Identity MakeCertificate(const Identity& ca, const std::string& common_name,
                         const std::vector<std::string>& names);

}  // namespace podgate::controller
