#include "controller/transport/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <utility>
#include <vector>

#include "ipset/address.h"

namespace podgate::controller {
namespace {

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* object) const { Free(object); }
};
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;

struct BioFreer {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
std::unique_ptr<BIO, BioFreer> Reader(const std::string& bytes) {
  return std::unique_ptr<BIO, BioFreer>(
      BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// What a context's verification needs; owned by the context.
struct Verification {
  std::string name;
  std::shared_ptr<FailureNote> note;
};

void FreeVerification(void*, void* object, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Verification*>(object);
}

int VerificationIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeVerification);
  return index;
}

std::string NamesOf(X509* certificate) {
  std::string names;
  auto* list = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
    std::string text;
    if (name->type == GEN_DNS) {
      text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                  static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      const auto* bytes = ASN1_STRING_get0_data(name->d.iPAddress);
      const auto size = static_cast<std::size_t>(ASN1_STRING_length(name->d.iPAddress));
      const auto address = ipset::Address::FromBytes(
          size == 4 ? ipset::Family::kIPv4 : ipset::Family::kIPv6, std::span(bytes, size));
      if (address) text = address->ToString();
    }
    if (!text.empty()) names += (names.empty() ? "" : ", ") + text;
    if (names.size() > 300) break;  // enough for a message
  }
  GENERAL_NAMES_free(list);
  return names.empty() ? "no name" : names;
}

// Takes the place of OpenSSL's verification, and of the callback that cpprestsdk installs: that one
// compares an IPv6 address as if it were a DNS name, and accepts the subject's common name.
int Verify(X509_STORE_CTX* chain, void* object) {
  const auto& verification = *static_cast<const Verification*>(object);
  X509_STORE_CTX_set_verify_cb(chain, [](int ok, X509_STORE_CTX*) { return ok; });
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(chain);
  // A CA that is itself signed by another is as good a root as any, if it is the one we were given.
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const bool address = ipset::Address::Parse(verification.name).has_value();
  const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(param, verification.name.c_str())
                          : X509_VERIFY_PARAM_set1_host(param, verification.name.data(),
                                                        verification.name.size());
  if (set != 1) {
    verification.note->Set(
        HttpError::kTls,
        fmt::format("\"{}\" is not a name that a certificate can hold", verification.name));
    return 0;
  }
  const int ok = X509_verify_cert(chain);
  if (ok == 1) return 1;
  const int error = X509_STORE_CTX_get_error(chain);
  const bool name_differs =
      error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH;
  verification.note->Set(
      HttpError::kTls,
      name_differs
          ? fmt::format("the server's certificate is for {}, not for {}; set tls-server-name if "
                        "that is right",
                        NamesOf(X509_STORE_CTX_get0_cert(chain)), verification.name)
          : fmt::format(
                "the server's certificate is not trusted: {} (is certificate-authority the CA of "
                "this cluster?)",
                X509_verify_cert_error_string(error)));
  return 0;
}

// Names the server we mean (SNI), as Go does: never for an address. At the start of a handshake,
// because a context cannot hold the name for its connections.
void OnState(const SSL* ssl, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const auto* verification = static_cast<const Verification*>(
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), VerificationIndex()));
  if (verification == nullptr || ipset::Address::Parse(verification->name)) return;
  SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), verification->name.c_str());
}

Status Invalid(const std::string& message) {
  ERR_clear_error();
  return {Status::Code::kInvalid, message};
}

std::vector<Certificate> ReadCertificates(const std::string& pem) {
  std::vector<Certificate> certificates;
  const auto reader = Reader(pem);
  while (X509* certificate = PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  return certificates;
}

Status UseClientCertificate(SSL_CTX* context, const Credentials& credentials) {
  const std::vector<Certificate> chain = ReadCertificates(credentials.certificate_pem);
  if (chain.empty()) return Invalid("client-certificate holds no PEM certificate");
  // A key with a pass phrase must not make OpenSSL ask on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const Key key(
      PEM_read_bio_PrivateKey(Reader(credentials.key_pem).get(), nullptr, no_password, nullptr));
  if (key == nullptr) return Invalid("client-key holds no PEM private key without a pass phrase");
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return Invalid("client-certificate is not usable for TLS");
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) {
      return Invalid("client-certificate has an intermediate certificate that is not usable");
    }
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return Invalid("client-key does not belong to client-certificate");
  }
  return {};
}

}  // namespace

void FailureNote::Set(HttpError error, std::string text) {
  const std::lock_guard<std::mutex> lock(mutex_);
  error_ = error;
  text_ = std::move(text);
}

HttpError FailureNote::error() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return error_;
}

std::string FailureNote::text() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return text_;
}

FailureNote* NoteOf(const SSL_CTX* context) {
  const auto* verification =
      static_cast<const Verification*>(SSL_CTX_get_ex_data(context, VerificationIndex()));
  return verification == nullptr ? nullptr : verification->note.get();
}

Status ConfigureTls(SSL_CTX* context, const Credentials& credentials,
                    const std::string& verified_name, std::shared_ptr<FailureNote> note) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  const std::vector<Certificate> roots = ReadCertificates(credentials.ca_pem);
  if (roots.empty()) return Invalid("certificate-authority holds no PEM certificate");
  X509_STORE* store = X509_STORE_new();
  for (const Certificate& root : roots) X509_STORE_add_cert(store, root.get());
  SSL_CTX_set_cert_store(context,
                         store);  // takes the store, and drops the one with the system's roots
  if (!credentials.certificate_pem.empty()) {
    if (Status status = UseClientCertificate(context, credentials); !status.ok()) return status;
  }
  auto verification = std::make_unique<Verification>(Verification{verified_name, std::move(note)});
  SSL_CTX_set_info_callback(context, OnState);
  SSL_CTX_set_cert_verify_callback(context, Verify, verification.get());
  if (SSL_CTX_set_ex_data(context, VerificationIndex(), verification.get()) != 1) {
    return Invalid("OpenSSL is out of memory");
  }
  [[maybe_unused]] auto* owned_by_context = verification.release();
  ERR_clear_error();
  return {};
}

}  // namespace podgate::controller
