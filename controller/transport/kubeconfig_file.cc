#include "controller/transport/kubeconfig_file.h"

#include <fmt/format.h>

#include <tuple>
#include <utility>
#include <variant>

#include "compiler/decode/text_position.h"
#include "compiler/load/yaml_tree.h"
#include "compiler/model/syntax.h"

namespace podgate::controller {
namespace {

using compiler::FindMember;
using compiler::TreeNode;

// Reads fields of one entry and keeps the first error, so that the code below reads like the
// format.
class Fields {
 public:
  Fields(const Kubeconfig::Entry& entry, std::string what)
      : entry_(entry), what_(std::move(what)) {}

  const Status& status() const { return status_; }
  // At the field, or at the entry if there is no such field.
  void Fail(const TreeNode* node, const std::string& problem) {
    if (!status_.ok()) return;
    status_ = entry_.file->Fail(node == nullptr ? entry_.offset : node->offset,
                                fmt::format("{}: {}", what_, problem));
  }
  // nullptr: not given, or null.
  const TreeNode* Given(const char* key) const { return FindMember(entry_.body, key); }
  std::string Text(const char* key) {
    const TreeNode* node = Given(key);
    if (node == nullptr) return {};
    if (node->type != TreeNode::Type::kString) Fail(node, fmt::format("{} must be a string", key));
    return node->text;
  }
  bool Flag(const char* key) {
    const TreeNode* node = Given(key);
    if (node == nullptr) return false;
    if (node->type != TreeNode::Type::kBool)
      Fail(node, fmt::format("{} must be true or false", key));
    return node->boolean;
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
    const std::string& file = entry_.file->name;
    const auto slash = file.rfind('/');
    return slash == std::string::npos ? path : file.substr(0, slash + 1) + path;
  }
  void Refuse(const char* key, const char* why) {
    if (const TreeNode* node = Given(key)) Fail(node, fmt::format("{} {}", key, why));
  }

 private:
  const Kubeconfig::Entry& entry_;
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

Status Kubeconfig::File::Fail(std::size_t offset, const std::string& what) const {
  const compiler::TextPosition place = compiler::LineCounter(text).At(offset);
  return {Status::Code::kInvalid,
          fmt::format("{}:{}:{}: {}", name, place.line, place.column, what)};
}

Status Kubeconfig::Add(const std::string& text, const std::string& name) {
  const auto file = std::make_shared<const File>(File{name, text});
  const auto parsed = compiler::ReadYamlTree(text);
  if (const auto* problem = std::get_if<compiler::Problem>(&parsed))
    return file->Fail(problem->offset, problem->message);
  const TreeNode& root = std::get<TreeNode>(parsed);
  ++files_;
  if (root.type == TreeNode::Type::kNull) return {};
  if (root.type != TreeNode::Type::kObject)
    return file->Fail(root.offset, "this is not a kubeconfig: expected a mapping");
  if (const TreeNode* kind = FindMember(root, "kind");
      kind != nullptr && (kind->type != TreeNode::Type::kString || kind->text != "Config")) {
    return file->Fail(
        kind->offset,
        fmt::format(
            "this is not a kubeconfig: kind is {}, expected \"Config\"",
            kind->type == TreeNode::Type::kString ? compiler::Quote(kind->text) : Describe(*kind)));
  }
  if (const TreeNode* current = FindMember(root, "current-context")) {
    if (current->type != TreeNode::Type::kString)
      return file->Fail(current->offset, "current-context must be a string");
    if (current_context_.empty()) current_context_ = current->text;
  }
  for (const auto& [list, body, entries] :
       {std::tuple{"clusters", "cluster", &clusters_}, std::tuple{"users", "user", &users_},
        std::tuple{"contexts", "context", &contexts_}}) {
    if (Status status = AddEntries(root, file, list, body, entries); !status.ok()) return status;
  }
  return {};
}

Status Kubeconfig::AddEntries(const TreeNode& root, const std::shared_ptr<const File>& file,
                              const char* list, const char* body, Entries* entries) {
  const TreeNode* items = FindMember(root, list);
  if (items == nullptr) return {};
  const auto fail = [&](const TreeNode& node, const std::string& what) {
    return file->Fail(node.offset, fmt::format("{}: {}", list, what));
  };
  if (items->type != TreeNode::Type::kArray) return fail(*items, "expected a list");
  for (const TreeNode& item : items->children) {
    const TreeNode* name = FindMember(item, "name");
    if (name == nullptr || (name->type == TreeNode::Type::kString && name->text.empty()))
      return fail(item, "an entry has no name");
    if (name->type != TreeNode::Type::kString) return fail(*name, "a name must be a string");
    Entry entry{.body = {}, .file = file, .offset = item.offset};
    if (const TreeNode* content = FindMember(item, body)) {
      if (content->type != TreeNode::Type::kObject)
        return fail(*content, fmt::format("{} of \"{}\" must be a mapping", body, name->text));
      entry.body = *content;
    }
    entries->emplace(name->text, std::move(entry));
  }
  return {};
}

Status Kubeconfig::ReadCluster(const std::string& name, const Entry& entry,
                               ApiAccess* access) const {
  Fields fields(entry, fmt::format("cluster \"{}\"", name));
  const std::string server = fields.Text("server");
  if (server.empty()) {
    fields.Fail(fields.Given("server"), "it has no server");
  } else if (const std::string problem = ParseServerUrl(server, access); !problem.empty()) {
    fields.Fail(fields.Given("server"), problem);
  }
  if (fields.Flag("insecure-skip-tls-verify")) {
    fields.Fail(fields.Given("insecure-skip-tls-verify"),
                "insecure-skip-tls-verify is not supported: a firewall must know whose policies it "
                "enforces; give certificate-authority instead");
  }
  fields.Refuse("proxy-url", "is not supported: Podgate connects to the API server directly");
  access->tls_server_name = fields.Text("tls-server-name");
  access->ca = fields.DataOrFile("certificate-authority");
  if (!access->ca.given()) {
    fields.Fail(nullptr,
                "it has neither certificate-authority nor certificate-authority-data; Podgate "
                "trusts only the cluster's own CA");
  }
  return fields.status();
}

Status Kubeconfig::ReadUser(const std::string& name, const Entry& entry, ApiAccess* access) const {
  Fields fields(entry, fmt::format("user \"{}\"", name));
  constexpr const char* kNoPlugins =
      "is not supported: Podgate starts no other program; use a client certificate or a service "
      "account's token (tokenFile)";
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
    return entry.file->Fail(entry.offset, what);
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
  Fields fields(chosen->second, fmt::format("context \"{}\"", context));
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
  access.origin = fmt::format("{}, context {}", chosen->second.file->name, context);
  if (Status status = ReadCluster(cluster_name, cluster->second, &access); !status.ok())
    return status;
  if (Status status = ReadUser(user_name, user->second, &access); !status.ok()) return status;
  return access;
}

}  // namespace podgate::controller
