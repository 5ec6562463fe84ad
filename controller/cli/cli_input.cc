#include "controller/cli/cli_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "compiler/load/load_files.h"
#include "compiler/model/spelling.h"

namespace podgate::controller {
namespace {

using Severity = compiler::Diagnostic::Severity;

constexpr std::string_view kNameLabel = "kubernetes.io/metadata.name";
constexpr std::string_view kTemplateCure = "render them: helm template";

std::string Counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string Plural(const std::string& kind) {
  return kind.ends_with("Policy") ? kind.substr(0, kind.size() - 1) + "ies" : kind;
}

std::string And(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) text += i + 1 == parts.size() ? " and " : ", ";
    text += parts[i];
  }
  return text;
}

// What is to be said about each finding: documents that are no objects only if they must be some.
void Judge(bool strict, std::vector<compiler::Diagnostic>* diagnostics) {
  if (!strict) {
    std::erase_if(*diagnostics, [](const auto& d) { return d.severity == Severity::kSkipped; });
  }
  for (compiler::Diagnostic& diagnostic : *diagnostics) {
    if (diagnostic.severity != Severity::kUnread && diagnostic.severity != Severity::kSkipped)
      continue;
    diagnostic.severity = strict ? Severity::kError : Severity::kWarning;
  }
}

// Said whatever the options are: who wrote these takes them for enforced.
void WarnOfPolicies(const compiler::LoadCounts& counts, std::ostream& err) {
  std::vector<std::string> kinds;
  std::size_t total = counts.policy_templates;
  for (const auto& [kind, count] : counts.unenforced) {
    kinds.push_back(Counted(count, kind, Plural(kind)));
    total += count;
  }
  if (counts.policy_templates != 0) {
    kinds.push_back(Counted(counts.policy_templates, "Helm template of a NetworkPolicy",
                            "Helm templates of NetworkPolicies") +
                    fmt::format(" ({})", kTemplateCure));
  }
  if (!kinds.empty()) {
    err << "warning: " << And(kinds) << (total == 1 ? " is" : " are")
        << " not evaluated: answers ignore " << (total == 1 ? "it" : "them") << '\n';
  }
  for (const auto& [kind, count] : counts.misspelt) {
    err << "warning: "
        << Counted(count, "object is not evaluated, its kind is",
                   "objects are not evaluated, their kind is")
        << " unknown: " << kind << '\n';
  }
}

bool AsksLabels(const compiler::PolicyPeer& peer) {
  if (!peer.namespaces) return false;
  const auto& requirements = peer.namespaces->requirements;
  return std::any_of(requirements.begin(), requirements.end(),
                     [](const compiler::Requirement& r) { return r.key != kNameLabel; });
}

bool AsksLabels(const compiler::NetworkPolicy& policy) {
  for (const auto* rules : {&policy.ingress, &policy.egress}) {
    for (const compiler::PolicyRule& rule : *rules) {
      if (std::any_of(rule.peers.begin(), rule.peers.end(),
                      [](const compiler::PolicyPeer& peer) { return AsksLabels(peer); }))
        return true;
    }
  }
  return false;
}

void WarnOfNamespaces(const compiler::LoadResult& result, std::ostream& err) {
  const std::vector<std::string>& missing = result.assumed_namespaces;
  if (missing.empty()) return;
  const auto& policies = result.cluster.policies;
  const auto asking = std::find_if(policies.begin(), policies.end(),
                                   [](const auto& item) { return AsksLabels(item.second); });
  if (asking == policies.end()) return;
  err << "warning: policy " << asking->first.ToString()
      << " selects namespaces by their labels, and the input does not hold "
      << (missing.size() == 1 ? "namespace " : "namespaces ") << compiler::FirstOf(missing)
      << ": no label but " << kNameLabel << " is known of " << (missing.size() == 1 ? "it" : "them")
      << "; add the output of kubectl get namespaces -o yaml" << '\n';
}

}  // namespace

std::string Summary(const compiler::LoadCounts& counts) {
  std::vector<std::string> read;
  const auto add = [](std::vector<std::string>* parts, std::size_t count, std::string_view one,
                      std::string_view many) {
    if (count != 0) parts->push_back(Counted(count, one, many));
  };
  add(&read, counts.policies, "policy", "policies");
  add(&read, counts.pods, "pod", "pods");
  add(&read, counts.namespaces, "namespace", "namespaces");
  add(&read, counts.nodes, "node", "nodes");
  std::vector<std::string> skipped;
  add(&skipped, counts.other_objects, "object of another kind", "objects of other kinds");
  add(&skipped, counts.no_objects, "document that is not a Kubernetes object",
      "documents that are not Kubernetes objects");
  add(&skipped, counts.unread, "unreadable document", "unreadable documents");
  if (counts.templates != 0) {
    skipped.push_back(Counted(counts.templates, "Helm template", "Helm templates") +
                      fmt::format(" ({})", kTemplateCure));
  }
  std::string text = "read " + Counted(counts.files, "file", "files");
  if (!read.empty()) text += fmt::format(": {}", fmt::join(read, ", "));
  if (!skipped.empty()) text += fmt::format("; skipped {}", fmt::join(skipped, ", "));
  return text;
}

std::optional<compiler::LoadResult> LoadInput(const InputOptions& options, std::ostream& err) {
  compiler::LoadResult result = compiler::LoadPaths(options.paths, options.recursive);
  Judge(options.strict, &result.diagnostics);
  for (const compiler::Diagnostic& diagnostic : result.diagnostics) {
    err << diagnostic.ToString() << '\n';
  }
  WarnOfPolicies(result.counts, err);
  WarnOfNamespaces(result, err);
  if (!options.quiet) err << Summary(result.counts) << '\n';
  if (result.counts.AnyObject()) return result;
  err << "podgate: there are no objects in the input; check -f, and that the command before a pipe "
         "has not failed\n";
  return std::nullopt;
}

}  // namespace podgate::controller
