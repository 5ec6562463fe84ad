#include "unit/controller/transport/test_pki.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

namespace podgate::controller {
namespace {

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using Certificate = std::unique_ptr<X509, void (*)(X509*)>;
using Bio = std::unique_ptr<BIO, int (*)(BIO*)>;

Bio Reader(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

template <typename Write>
std::string ToPem(const Write& write) {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Identity Make(const Identity* ca, const std::string& name, const std::vector<std::string>& names) {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate certificate(X509_new(), X509_free);
  static long serial = 1;
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  Key signer(nullptr, EVP_PKEY_free);
  Certificate issuer(nullptr, X509_free);
  if (ca != nullptr) {
    issuer.reset(PEM_read_bio_X509(Reader(ca->certificate_pem).get(), nullptr, nullptr, nullptr));
    signer.reset(PEM_read_bio_PrivateKey(Reader(ca->key_pem).get(), nullptr, nullptr, nullptr));
  }
  X509* issued_by = ca == nullptr ? certificate.get() : issuer.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issued_by));
  AddExtension(certificate.get(), issued_by, NID_basic_constraints,
               ca == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  std::string list;
  for (const std::string& n : names) list += (list.empty() ? "" : ",") + n;
  if (!list.empty()) AddExtension(certificate.get(), issued_by, NID_subject_alt_name, list);
  X509_sign(certificate.get(), ca == nullptr ? key.get() : signer.get(), EVP_sha256());
  return {ToPem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); }),
          ToPem([&](BIO* bio) {
            PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace

Identity MakeCa(const std::string& name) { return Make(nullptr, name, {}); }

Identity MakeCertificate(const Identity& ca, const std::string& common_name,
                         const std::vector<std::string>& names) {
  return Make(&ca, common_name, names);
}

}  // namespace podgate::controller
