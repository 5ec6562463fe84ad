// What a kubeconfig means, and what is said about one that cannot be used: error texts to the byte.
#include "controller/transport/kubeconfig.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "controller/transport/kubeconfig_file.h"

namespace podgate::controller {
namespace {

constexpr const char* kCluster = "server: https://api.example:6443, certificate-authority: ca.crt";
constexpr const char* kUser = "token: secret";

std::string Config(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
         "clusters:\n- {name: k, cluster: {" +
         cluster +
         "}}\n"
         "users:\n- {name: u, user: {" +
         user +
         "}}\n"
         "contexts:\n- {name: c, context: {cluster: k, user: u}}\n";
}

Result<ApiAccess> Choose(const std::string& text, const std::string& context = {}) {
  Kubeconfig config;
  if (Status status = config.Add(text, "dir/config"); !status.ok()) return status;
  return config.Choose(context);
}

std::string ErrorOf(const std::string& text, const std::string& context = {}) {
  const auto result = Choose(text, context);
  return result.ok() ? "no error" : result.status().message();
}

TEST(Kubeconfig, FilesCountFromItsOwnFolder) {
  const auto access =
      Choose(Config("server: https://api.example:6443/base/, certificate-authority: ca.crt, "
                    "tls-server-name: other",
                    "client-certificate: /abs/crt, client-key: sub/key, tokenFile: tok"));
  ASSERT_TRUE(access.ok()) << access.status().message();
  const ApiAccess& a = access.value();
  EXPECT_EQ(a.host, "api.example");
  EXPECT_EQ(a.port, 6443);
  EXPECT_EQ(a.path, "/base");
  EXPECT_EQ(a.Url(), "https://api.example:6443/base");
  EXPECT_EQ(a.verified_name(), "other");
  EXPECT_EQ(a.ca.file, "dir/ca.crt");
  EXPECT_EQ(a.client_certificate.file, "/abs/crt");
  EXPECT_EQ(a.client_key.file, "dir/sub/key");
  EXPECT_EQ(a.token.file, "dir/tok");
  EXPECT_EQ(a.origin, "dir/config, context c");
}

TEST(Kubeconfig, DataWinsOverFiles) {
  const auto access = Choose(Config(
      "server: https://a, certificate-authority: f, certificate-authority-data: \"aGVs\\nbG8=\"",
      "token: plain, client-certificate-data: eA==, client-key-data: eQ=="));
  ASSERT_TRUE(access.ok()) << access.status().message();
  EXPECT_EQ(access.value().ca.data, "hello");
  EXPECT_EQ(access.value().ca.file, "");
  EXPECT_EQ(access.value().client_certificate.data, "x");
  EXPECT_EQ(access.value().client_key.data, "y");
  EXPECT_EQ(access.value().token.data, "plain");
  EXPECT_EQ(access.value().port, 443);
}

TEST(Kubeconfig, JsonIsYamlToo) {
  const auto access = Choose(R"({"kind":"Config","current-context":"c",
    "clusters":[{"name":"k","cluster":{"server":"https://[fd00::1]:6443","certificate-authority":"/ca"}}],
    "users":[{"name":"u","user":{"token":"t"}}],
    "contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}]})");
  ASSERT_TRUE(access.ok()) << access.status().message();
  EXPECT_EQ(access.value().host, "fd00::1");
  EXPECT_EQ(access.value().Url(), "https://[fd00::1]:6443");
}

TEST(Kubeconfig, AnchorsAndFurtherDocumentsAreReadAsKubectlDoes) {
  const auto access = Choose(
      "current-context: c\n"
      "clusters: [{name: k, cluster: {server: 'https://a', certificate-authority: &ca /ca}}]\n"
      "users: [{name: u, user: {tokenFile: *ca}}]\n"
      "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
      "---\nkind: Pod\n");
  ASSERT_TRUE(access.ok()) << access.status().message();
  EXPECT_EQ(access.value().token.file, "/ca");
}

TEST(Kubeconfig, TokenFileWinsOverToken) {
  const auto access = Choose(Config(kCluster, "token: a, tokenFile: /t"));
  ASSERT_TRUE(access.ok());
  EXPECT_EQ(access.value().token.file, "/t");
  EXPECT_EQ(access.value().token.data, "");
}

TEST(Kubeconfig, OnlyTheChosenContextMustBeUsable) {
  const std::string text =
      "current-context: bad\n"
      "clusters: [{name: k, cluster: {server: 'https://a', certificate-authority: /ca}}]\n"
      "users: [{name: plugin, user: {exec: {command: x}}}, {name: plain, user: {token: t}}]\n"
      "contexts:\n- {name: bad, context: {cluster: k, user: plugin}}\n"
      "- {name: good, context: {cluster: k, user: plain}}\n";
  EXPECT_TRUE(Choose(text, "good").ok());
  EXPECT_EQ(ErrorOf(text),
            "dir/config:3:37: user \"plugin\": exec is not supported: Podgate starts no other "
            "program; use a client certificate or a service account's token (tokenFile)");
}

struct BadCase {
  const char* name;
  const char* cluster;
  const char* user;
  const char* error;
};

TEST(Kubeconfig, RefusesWhatItCannotDo) {
  const BadCase kCases[] = {
      {"no server", "certificate-authority: /ca", kUser,
       "dir/config:5:3: cluster \"k\": it has no server"},
      {"plain http", "server: http://a, certificate-authority: /ca", kUser,
       "dir/config:5:31: cluster \"k\": server \"http://a\" must be an https:// URL; Podgate "
       "speaks to API servers over TLS only"},
      {"user in URL", "server: https://me@a, certificate-authority: /ca", kUser,
       "dir/config:5:31: cluster \"k\": server \"https://me@a\" must be "
       "https://HOST[:PORT][/PATH], without user, query or fragment"},
      {"bad port", "server: \"https://a:70000\", certificate-authority: /ca", kUser,
       "dir/config:5:31: cluster \"k\": server \"https://a:70000\" has no valid port after "
       "its host"},
      {"port 0", "server: \"https://a:0\", certificate-authority: /ca", kUser,
       "dir/config:5:31: cluster \"k\": server \"https://a:0\" has no valid port after its "
       "host"},
      {"IPv6 without brackets", "server: \"https://fd00::1\", certificate-authority: /ca", kUser,
       "dir/config:5:31: cluster \"k\": server \"https://fd00::1\" has no valid port after "
       "its host"},
      {"no CA", "server: https://a", kUser,
       "dir/config:5:3: cluster \"k\": it has neither certificate-authority nor "
       "certificate-authority-data; Podgate trusts only the cluster's own CA"},
      {"insecure", "server: https://a, insecure-skip-tls-verify: true", kUser,
       "dir/config:5:68: cluster \"k\": insecure-skip-tls-verify is not supported: a "
       "firewall must know whose policies it enforces; give certificate-authority instead"},
      {"insecure is no text", "server: https://a, insecure-skip-tls-verify: \"true\"", kUser,
       "dir/config:5:68: cluster \"k\": insecure-skip-tls-verify must be true or false"},
      {"proxy", "server: https://a, certificate-authority: /ca, proxy-url: http://p", kUser,
       "dir/config:5:81: cluster \"k\": proxy-url is not supported: Podgate connects to the "
       "API server directly"},
      {"bad base64", "server: https://a, certificate-authority-data: \"###\"", kUser,
       "dir/config:5:70: cluster \"k\": certificate-authority-data is not valid base64"},
      {"auth-provider", kCluster, "auth-provider: {name: oidc}",
       "dir/config:7:35: user \"u\": auth-provider is not supported: Podgate starts no other "
       "program; use a client certificate or a service account's token (tokenFile)"},
      {"password", kCluster, "username: a, password: b",
       "dir/config:7:30: user \"u\": username is not supported: API servers have no password "
       "login since Kubernetes 1.19"},
      {"impersonation", kCluster, "token: t, as: other",
       "dir/config:7:34: user \"u\": as is not supported: give Podgate a user of its own "
       "instead of impersonation"},
      {"half a certificate", kCluster, "client-certificate: /c",
       "dir/config:7:3: user \"u\": it has a client-certificate without a client-key"},
      {"half a key", kCluster, "client-key: /c, token: t",
       "dir/config:7:3: user \"u\": it has a client-key without a client-certificate"},
      {"nobody", kCluster, "",
       "dir/config:7:3: user \"u\": it has no token, tokenFile or client-certificate to log "
       "in with"},
      {"token is a list", kCluster, "token: [a]",
       "dir/config:7:27: user \"u\": token must be a string"},
      // As for kubectl: 012 would lose its zero.
      {"token is a number", kCluster, "token: 012",
       "dir/config:7:27: user \"u\": token must be a string"},
  };
  for (const BadCase& bad : kCases)
    EXPECT_EQ(ErrorOf(Config(bad.cluster, bad.user)), bad.error) << bad.name;
}

TEST(Kubeconfig, SaysWhereAFileIsNotReadable) {
  EXPECT_EQ(ErrorOf("kind: Pod\n"),
            "dir/config:1:7: this is not a kubeconfig: kind is \"Pod\", expected \"Config\"");
  EXPECT_EQ(ErrorOf("- a\n"), "dir/config:1:1: this is not a kubeconfig: expected a mapping");
  EXPECT_EQ(ErrorOf("clusters: {}\n"), "dir/config:1:11: clusters: expected a list");
  EXPECT_EQ(ErrorOf("users:\n- user: {}\n"), "dir/config:2:3: users: an entry has no name");
  EXPECT_EQ(ErrorOf("contexts:\n- name: c\n  context: 5\n"),
            "dir/config:3:12: contexts: context of \"c\" must be a mapping");
  EXPECT_EQ(ErrorOf("kind: Config\nkind: Config\n"), "dir/config:2:1: \"kind\" is given twice");
  EXPECT_EQ(ErrorOf("users:\n- name: 5\n"), "dir/config:2:9: users: a name must be a string");
  EXPECT_EQ(ErrorOf("kind: [Config]\n"),
            "dir/config:1:7: this is not a kubeconfig: kind is a list, expected \"Config\"");
  EXPECT_EQ(ErrorOf("a: *x\n"), "dir/config:1:4: the alias \"x\" has no anchor before it");
  EXPECT_EQ(ErrorOf("a: [" + std::string(100, '[') + std::string(100, ']') + "]"),
            "dir/config:1:35: this is nested deeper than 32 levels");
  EXPECT_EQ(ErrorOf("a: b\nc: \xff\n"), "dir/config:2:4: not valid UTF-8: byte 0xff");
  const std::string broken = ErrorOf("a: b: c\n");
  EXPECT_EQ(broken.rfind("dir/config:1:5: ", 0), 0U) << broken;
}

TEST(Kubeconfig, NamesTheContextsThereAre) {
  const std::string text = Config(kCluster, kUser);
  EXPECT_EQ(ErrorOf(text, "x"), "the kubeconfig has no context \"x\" (there are: c)");
  EXPECT_EQ(Choose(text, "x").status().code(), Status::Code::kNotFound);
  EXPECT_EQ(ErrorOf("contexts: [{name: a}, {name: b}]"),
            "the kubeconfig has no current-context; choose one with --context (there are: a, b)");
  EXPECT_EQ(ErrorOf(""),
            "the kubeconfig has no current-context; choose one with --context (there are: none)");
  EXPECT_EQ(ErrorOf("current-context: a\ncontexts: [{name: a, context: {cluster: k}}]"),
            "dir/config:2:12: context \"a\": there is no cluster \"k\"");
  EXPECT_EQ(ErrorOf("current-context: a\ncontexts: [{name: a, context: {cluster: k, user: u}}]\n"
                    "clusters: [{name: k, cluster: {}}]"),
            "dir/config:2:12: context \"a\": there is no user \"u\"");
}

TEST(Kubeconfig, TheFirstFileToNameAThingWins) {
  Kubeconfig config;
  ASSERT_TRUE(
      config.Add("current-context: c\nusers: [{name: u, user: {token: first}}]\n", "one/config")
          .ok());
  ASSERT_TRUE(config.Add(Config(kCluster, kUser), "two/config").ok());
  const auto access = config.Choose("");
  ASSERT_TRUE(access.ok()) << access.status().message();
  EXPECT_EQ(access.value().token.data, "first");
  EXPECT_EQ(access.value().ca.file, "two/ca.crt");
}

// ---- where the kubeconfig is looked for
// -----------------------------------------------------------------

class FindAccessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "podgate-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    options_.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto it = environment_.find(name);
      return it == environment_.end() ? std::nullopt : std::optional(it->second);
    };
    options_.service_account_folder = folder_ + "/account";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& server) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << Config("server: https://" + server + ", certificate-authority: ca",
                                  kUser);
    return path;
  }
  std::string HostFound() {
    const auto access = FindAccess(options_);
    return access.ok() ? access.value().host : access.status().message();
  }

  std::string folder_;
  std::map<std::string, std::string> environment_;
  AccessOptions options_;
};

TEST_F(FindAccessTest, LooksInOrder) {
  environment_["KUBERNETES_SERVICE_HOST"] = "10.96.0.1";
  environment_["KUBERNETES_SERVICE_PORT"] = "443";
  EXPECT_EQ(HostFound(), "10.96.0.1");
  environment_["HOME"] = folder_;
  EXPECT_EQ(HostFound(), "10.96.0.1");
  Write(".kube/config", "home");
  EXPECT_EQ(HostFound(), "home");
  environment_["KUBECONFIG"] = folder_ + "/missing:" + Write("second", "second");
  EXPECT_EQ(HostFound(), "second");
  options_.kubeconfig = Write("given", "given");
  EXPECT_EQ(HostFound(), "given");
  options_.kubeconfig = folder_ + "/none";
  EXPECT_EQ(HostFound(), "cannot read " + folder_ + "/none: No such file or directory");
}

TEST_F(FindAccessTest, ReadsTheServiceAccount) {
  environment_["KUBERNETES_SERVICE_HOST"] = "fd00:10:96::1";
  environment_["KUBERNETES_SERVICE_PORT"] = "443";
  const auto access = FindAccess(options_);
  ASSERT_TRUE(access.ok()) << access.status().message();
  EXPECT_EQ(access.value().Url(), "https://[fd00:10:96::1]:443");
  EXPECT_EQ(access.value().ca.file, folder_ + "/account/ca.crt");
  EXPECT_EQ(access.value().token.file, folder_ + "/account/token");

  EXPECT_EQ(ReadCredentials(access.value()).status().message(),
            "cannot read " + folder_ + "/account/ca.crt: No such file or directory");
  std::filesystem::create_directories(folder_ + "/account");
  std::ofstream(folder_ + "/account/ca.crt") << "pem";
  std::ofstream(folder_ + "/account/token") << " \n";
  EXPECT_EQ(ReadCredentials(access.value()).status().message(),
            "the token in " + folder_ + "/account/token is empty");
  std::ofstream(folder_ + "/account/token") << "a\r\nHost: b";
  EXPECT_EQ(ReadCredentials(access.value()).status().message(),
            "the token in " + folder_ + "/account/token holds characters that a token cannot have");
  std::ofstream(folder_ + "/account/token") << "eyJ.a-b_c\n";
  const auto credentials = ReadCredentials(access.value());
  ASSERT_TRUE(credentials.ok());
  EXPECT_EQ(credentials.value().token, "eyJ.a-b_c");
  EXPECT_EQ(credentials.value().ca_pem, "pem");
}

TEST_F(FindAccessTest, SaysWhatToDoWhenThereIsNothing) {
  EXPECT_EQ(HostFound(),
            "no kubeconfig: give --kubeconfig or set KUBECONFIG (this is not a pod either: "
            "KUBERNETES_SERVICE_HOST is "
            "not set)");
  environment_["KUBECONFIG"] = "/nowhere/a:/nowhere/b";
  EXPECT_EQ(HostFound(), "no kubeconfig: no file of KUBECONFIG=/nowhere/a:/nowhere/b is there");
  EXPECT_EQ(FindAccess(options_).status().code(), Status::Code::kNotFound);
}

TEST(Base64, ReadsWhatGoReads) {
  std::string bytes;
  EXPECT_TRUE(DecodeBase64("", &bytes));
  EXPECT_EQ(bytes, "");
  for (const char* good : {"aGVsbG8=", "aGVs\nbG8=\n", " aGVsbG8= "}) {
    EXPECT_TRUE(DecodeBase64(good, &bytes)) << good;
    EXPECT_EQ(bytes, "hello") << good;
  }
  for (const char* bad : {"a", "aGVsbG8", "aGV=bG8=", "====", "a-b_", "aGVsbG8=aGVsbG8=", "aG=s"}) {
    EXPECT_FALSE(DecodeBase64(bad, &bytes)) << bad;
  }
}

}  // namespace
}  // namespace podgate::controller
