#include "controller/transport/kubeconfig_file.h"

#include <fmt/format.h>

#include <utility>

namespace podgate::controller {
namespace {

// Reads fields of one entry and keeps the first error, so that the code below reads like the
// format.
class Fields {
 public:
  Fields(const YamlNode& body, std::string file, std::size_t line, std::string what)
      : body_(body), file_(std::move(file)), line_(line), what_(std::move(what)) {}

  const Status& status() const { return status_; }
  void Fail(const YamlNode* node, const std::string& problem) {
    if (!status_.ok()) return;
    status_ = Status(
        Status::Code::kInvalid,
        fmt::format("{}:{}: {}: {}", file_, node == nullptr ? line_ : node->line, what_, problem));
  }
  const YamlNode* Given(const char* key) const {
    const YamlNode* node = body_.Find(key);
    return node == nullptr || node->IsNull() ? nullptr : node;
  }
  std::string Text(const char* key) {
    const YamlNode* node = Given(key);
    if (node == nullptr) return {};
    if (node->kind != YamlNode::Kind::kScalar) Fail(node, fmt::format("{} must be a string", key));
    return node->text;
  }
  bool Flag(const char* key) {
    const YamlNode* node = Given(key);
    if (node == nullptr) return false;
    const bool known = node->kind == YamlNode::Kind::kScalar && node->plain &&
                       (node->text == "true" || node->text == "false");
    if (!known) Fail(node, fmt::format("{} must be true or false", key));
    return node->text == "true";
  }
  // KEY-data holds base64 and wins over KEY, a path that counts from the kubeconfig's folder.
  Source DataOrFile(const char* key) {
    Source source;
    const std::string data_key = fmt::format("{}-data", key);
    const std::string data = Text(data_key.c_str());
    if (data.empty()) {
      source.file = Path(Text(key));
    } else if (!DecodeBase64(data, &source.data) || source.data.empty()) {
      Fail(Given(data_key.c_str()), fmt::format("{} is not valid base64", data_key));
    }
    return source;
  }
  std::string Path(const std::string& path) const {
    if (path.empty() || path.front() == '/') return path;
    const auto slash = file_.rfind('/');
    return slash == std::string::npos ? path : file_.substr(0, slash + 1) + path;
  }
  void Refuse(const char* key, const char* why) {
    if (const YamlNode* node = Given(key)) Fail(node, fmt::format("{} {}", key, why));
  }

 private:
  const YamlNode& body_;
  const std::string file_;
  const std::size_t line_;
  const std::string what_;
  Status status_;
};

template <typename Map>
std::string NamesOf(const Map& map) {
  std::string names;
  for (const auto& [name, entry] : map) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "none" : names;
}

}  // namespace

Status Kubeconfig::Add(const std::string& text, const std::string& file) {
  auto parsed = ParseYaml(text, file);
  if (!parsed.ok()) return parsed.status();
  const YamlNode& root = parsed.value();
  const auto fail = [&file](const YamlNode& node, const std::string& what) {
    return Status(Status::Code::kInvalid, fmt::format("{}:{}: {}", file, node.line, what));
  };
  ++files_;
  if (root.IsNull()) return {};
  if (root.kind != YamlNode::Kind::kMapping)
    return fail(root, "this is not a kubeconfig: expected a mapping");
  if (const YamlNode* kind = root.Find("kind"); kind != nullptr && kind->text != "Config") {
    return fail(*kind, fmt::format("this is not a kubeconfig: kind is \"{}\", expected \"Config\"",
                                   kind->text));
  }
  if (const YamlNode* current = root.Find("current-context");
      current != nullptr && !current->IsNull()) {
    if (current->kind != YamlNode::Kind::kScalar)
      return fail(*current, "current-context must be a string");
    if (current_context_.empty()) current_context_ = current->text;
  }
  for (const auto& [list, body, entries] :
       {std::tuple{"clusters", "cluster", &clusters_}, std::tuple{"users", "user", &users_},
        std::tuple{"contexts", "context", &contexts_}}) {
    if (Status status = AddEntries(root, file, list, body, entries); !status.ok()) return status;
  }
  return {};
}

Status Kubeconfig::AddEntries(const YamlNode& root, const std::string& file, const char* list,
                              const char* body, Entries* entries) {
  const YamlNode* items = root.Find(list);
  if (items == nullptr || items->IsNull()) return {};
  const auto fail = [&](const YamlNode& node, const std::string& what) {
    return Status(Status::Code::kInvalid,
                  fmt::format("{}:{}: {}: {}", file, node.line, list, what));
  };
  if (items->kind != YamlNode::Kind::kSequence) return fail(*items, "expected a list");
  for (const YamlNode& item : items->items) {
    const YamlNode* name = item.Find("name");
    if (name == nullptr || name->kind != YamlNode::Kind::kScalar || name->text.empty()) {
      return fail(item, "an entry has no name");
    }
    const YamlNode* content = item.Find(body);
    Entry entry;
    entry.file = file;
    entry.line = item.line;
    if (content != nullptr && !content->IsNull()) {
      if (content->kind != YamlNode::Kind::kMapping) {
        return fail(*content, fmt::format("{} of \"{}\" must be a mapping", body, name->text));
      }
      entry.body = *content;
    }
    entries->emplace(name->text, std::move(entry));
  }
  return {};
}

Status Kubeconfig::ReadCluster(const std::string& name, const Entry& entry,
                               ApiAccess* access) const {
  Fields fields(entry.body, entry.file, entry.line, fmt::format("cluster \"{}\"", name));
  const std::string server = fields.Text("server");
  if (server.empty()) {
    fields.Fail(fields.Given("server"), "it has no server");
  } else if (const std::string problem = ParseServerUrl(server, access); !problem.empty()) {
    fields.Fail(fields.Given("server"), problem);
  }
  if (fields.Flag("insecure-skip-tls-verify")) {
    fields.Fail(fields.Given("insecure-skip-tls-verify"),
                "insecure-skip-tls-verify is not supported: a firewall must know whose policies it "
                "enforces; give "
                "certificate-authority instead");
  }
  fields.Refuse("proxy-url", "is not supported: Podgate connects to the API server directly");
  access->tls_server_name = fields.Text("tls-server-name");
  access->ca = fields.DataOrFile("certificate-authority");
  if (!access->ca.given()) {
    fields.Fail(nullptr,
                "it has neither certificate-authority nor certificate-authority-data; Podgate "
                "trusts only the "
                "cluster's own CA");
  }
  return fields.status();
}

Status Kubeconfig::ReadUser(const std::string& name, const Entry& entry, ApiAccess* access) const {
  Fields fields(entry.body, entry.file, entry.line, fmt::format("user \"{}\"", name));
  constexpr const char* kNoPlugins =
      "is not supported: Podgate starts no other program; use a client certificate or a service "
      "account's token "
      "(tokenFile)";
  fields.Refuse("exec", kNoPlugins);
  fields.Refuse("auth-provider", kNoPlugins);
  for (const char* key : {"username", "password"}) {
    fields.Refuse(key,
                  "is not supported: API servers have no password login since Kubernetes 1.19");
  }
  for (const char* key : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    fields.Refuse(key, "is not supported: give Podgate a user of its own instead of impersonation");
  }
  access->client_certificate = fields.DataOrFile("client-certificate");
  access->client_key = fields.DataOrFile("client-key");
  if (access->client_certificate.given() != access->client_key.given()) {
    fields.Fail(nullptr, access->client_key.given()
                             ? "it has a client-key without a client-certificate"
                             : "it has a client-certificate without a client-key");
  }
  access->token.file = fields.Path(fields.Text("tokenFile"));
  if (access->token.file.empty()) access->token.data = fields.Text("token");
  if (!access->token.given() && !access->client_certificate.given()) {
    fields.Fail(nullptr, "it has no token, tokenFile or client-certificate to log in with");
  }
  return fields.status();
}

Result<ApiAccess> Kubeconfig::Choose(const std::string& wanted) const {
  const std::string& context = wanted.empty() ? current_context_ : wanted;
  const auto fail = [](const Entry& entry, const std::string& what) {
    return Status(Status::Code::kInvalid, fmt::format("{}:{}: {}", entry.file, entry.line, what));
  };
  if (context.empty()) {
    return Status(
        Status::Code::kNotFound,
        fmt::format(
            "the kubeconfig has no current-context; choose one with --context (there are: {})",
            NamesOf(contexts_)));
  }
  const auto chosen = contexts_.find(context);
  if (chosen == contexts_.end()) {
    return Status(Status::Code::kNotFound,
                  fmt::format("the kubeconfig has no context \"{}\" (there are: {})", context,
                              NamesOf(contexts_)));
  }
  Fields fields(chosen->second.body, chosen->second.file, chosen->second.line,
                fmt::format("context \"{}\"", context));
  const std::string cluster_name = fields.Text("cluster");
  const std::string user_name = fields.Text("user");
  if (!fields.status().ok()) return fields.status();
  const auto cluster = clusters_.find(cluster_name);
  if (cluster == clusters_.end()) {
    return fail(chosen->second,
                fmt::format("context \"{}\": there is no cluster \"{}\"", context, cluster_name));
  }
  const auto user = users_.find(user_name);
  if (user == users_.end()) {
    return fail(chosen->second,
                fmt::format("context \"{}\": there is no user \"{}\"", context, user_name));
  }
  ApiAccess access;
  access.origin = fmt::format("{}, context {}", chosen->second.file, context);
  if (Status status = ReadCluster(cluster_name, cluster->second, &access); !status.ok())
    return status;
  if (Status status = ReadUser(user_name, user->second, &access); !status.ok()) return status;
  return access;
}

}  // namespace podgate::controller
